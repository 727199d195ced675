"""One exchange with a card over any transport: collects answers that come in parts and keeps PINs out of the log."""

from __future__ import annotations

import logging

from tallystick.device.secure_element.port import CardAnswerUnreadable, CardPort
from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import CommandApdu, ResponseApdu, describe

log = logging.getLogger("tallystick.card")

TRAFFIC = 5
"""Below DEBUG: card traffic is only logged when somebody asks for it by name."""

MAX_PARTS = 300
_MORE_DATA = 0x61
_WRONG_LE = 0x6C
_GET_RESPONSE = 0xC0


def exchange(port: CardPort, command: CommandApdu) -> ResponseApdu:
    """Send a command; over T=0 also fetch what ``61 xx`` announces and repeat with the Le that ``6C xx`` demands.

    Raises `CardUnavailable`, also for an answer that is none.
    """
    answer = _send(port, command)
    if answer.status_word >> 8 == _WRONG_LE:
        answer = _send(port, CommandApdu(command.cla, command.ins, command.p1, command.p2, command.data, _le(answer)))
    data = answer.data
    for _ in range(MAX_PARTS):
        if answer.status_word >> 8 != _MORE_DATA:
            return ResponseApdu(data, answer.status_word)
        answer = _send(port, CommandApdu(0, _GET_RESPONSE, le=_le(answer)))
        data += answer.data
    raise CardAnswerUnreadable("the card never stops announcing more data")


def _le(answer: ResponseApdu) -> int:
    return answer.status_word & 0xFF or 256


def _send(port: CardPort, command: CommandApdu) -> ResponseApdu:
    apdu = command.encode()
    loud = log.isEnabledFor(TRAFFIC)
    if loud:
        log.log(TRAFFIC, "> %s", describe(apdu))
    try:
        answer = ResponseApdu.parse(port.transmit(apdu))
    except Fault as error:
        raise CardAnswerUnreadable("the card gave no status word") from error
    if loud:
        log.log(TRAFFIC, "< %d bytes, %04X", len(answer.data), answer.status_word)
    return answer
