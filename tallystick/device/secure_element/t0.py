"""APDUs over T=0: what a reader of that protocol can carry (ISO 7816-3; S1-049).

A command has one length: of its data, or of the answer. The answer to a command with data is announced by ``61 xx`` and
fetched by whoever exchanges; data of more than 255 bytes travel in ENVELOPE commands.
"""

from __future__ import annotations

from tallystick.device.secure_element.port import CardPort
from tallystick.wire.apdu import SHORT_ANSWER_BYTES, SHORT_DATA_BYTES, CommandApdu, ResponseApdu, StatusWord

ENVELOPE = 0xC2


class T0Port:
    """Makes T=0 commands of APDUs, before a port that takes nothing else."""

    def __init__(self, port: CardPort) -> None:
        self._port = port

    def transmit(self, apdu: bytes) -> bytes:
        """Send a command; the answer may be ``61 xx`` or ``6C xx``. Raises `CardUnavailable`, ``TS-1220``."""
        command = CommandApdu.parse(apdu)
        if len(command.data) > SHORT_DATA_BYTES:
            return self._in_envelopes(command)
        header = bytes((command.cla, command.ins, command.p1, command.p2))
        if command.data:
            return self._port.transmit(header + bytes((len(command.data),)) + command.data)
        asked = SHORT_ANSWER_BYTES if command.le is None else min(command.le, SHORT_ANSWER_BYTES)
        return self._port.transmit(header + bytes((asked % SHORT_ANSWER_BYTES,)))

    def _in_envelopes(self, command: CommandApdu) -> bytes:
        whole = CommandApdu(command.cla, command.ins, command.p1, command.p2, command.data).encode(extended=True)
        answer = b""
        for at in range(0, len(whole), SHORT_DATA_BYTES):
            part = whole[at : at + SHORT_DATA_BYTES]
            answer = self._port.transmit(bytes((0x00, ENVELOPE, 0x00, 0x00, len(part))) + part)
            is_last = at + SHORT_DATA_BYTES >= len(whole)
            if not is_last and answer != ResponseApdu(b"", StatusWord.OK).encode():
                return answer
        return answer
