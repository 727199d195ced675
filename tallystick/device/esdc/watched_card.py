"""Every exchange with the card that does not end well gets a line in the device's log (S2-137)."""

from __future__ import annotations

import attrs

from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.device.secure_element import CardPort, CardUnavailable
from tallystick.wire.apdu import StatusWord, status_word_name

_GOES_ON = (0x61, 0x6C)
_NO_ERRORS = frozenset({(0x15, StatusWord.CONDITIONS_NOT_SATISFIED)})
"""A card that has never signed says so to INS 15: that is its answer, not an error."""
_MAY_BE_UNKNOWN = frozenset({0x08, 0x16, 0x33})
"""Instructions that older cards do not have."""


@attrs.frozen(slots=True)
class WatchedCard:
    """A card port that tells the log. Neither commands nor answers are written, only instruction and status word."""

    card: CardPort
    log: DeviceLog

    def transmit(self, apdu: bytes) -> bytes:
        """Pass a command on; raises what the card raises."""
        instruction = apdu[1] if len(apdu) > 1 else 0
        try:
            answer = self.card.transmit(apdu)
        except CardUnavailable:
            self.log.error(Kind.CARD, f"instruction {instruction:02X}: no answer")
            raise
        if answer[-2:] != b"\x90\x00" and answer[-2:-1] and answer[-2] not in _GOES_ON:
            self._note(instruction, int.from_bytes(answer[-2:], "big"))
        return answer

    def _note(self, instruction: int, status_word: int) -> None:
        if (instruction, status_word) in _NO_ERRORS:
            return
        if instruction in _MAY_BE_UNKNOWN and status_word == StatusWord.INSTRUCTION_UNKNOWN:
            return
        self.log.error(Kind.CARD, f"instruction {instruction:02X}: {status_word_name(status_word)}")
