"""Reads the client certificate out of a card's PKI applet, as the vendor's reader does (wire: 7.7)."""

from __future__ import annotations

import zlib

from tallystick.device.secure_element.exchange import exchange
from tallystick.device.secure_element.port import CardAnswerUnreadable, CardPort
from tallystick.device.secure_element.status import StatusWordError
from tallystick.wire.apdu import EXTENDED_BYTES, SHORT_ANSWER_BYTES, CommandApdu, StatusWord

PKI_AID = bytes.fromhex("A000000397425446590009")
_ASK = bytes.fromhex("5C0002DF020400")
_HEAD_BYTES, _LENGTH_BYTES = 4, 4
_CERTIFICATE_BYTES_MAX = 8_192


def client_certificate(port: CardPort) -> bytes:
    """The certificate in DER, which is not judged. Raises `CardUnavailable`, `StatusWordError`."""
    _call(port, CommandApdu(0x00, 0xA4, 0x04, 0x00, PKI_AID, SHORT_ANSWER_BYTES))
    answer = _call(port, CommandApdu(0x00, 0xCB, 0xA0, 0x10, _ASK, EXTENDED_BYTES))
    reader = zlib.decompressobj()
    try:
        return reader.decompress(answer[_HEAD_BYTES + _LENGTH_BYTES :], _CERTIFICATE_BYTES_MAX)
    except zlib.error as error:
        raise CardAnswerUnreadable(f"the client certificate cannot be read: {error}") from error


def _call(port: CardPort, command: CommandApdu) -> bytes:
    answer = exchange(port, command)
    if answer.status_word != StatusWord.OK:
        raise StatusWordError(command.ins, answer.status_word)
    return answer.data
