"""What a status word means to a POS (wire: 7.5)."""

from __future__ import annotations

from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.apdu import StatusWord, status_word_name

SIGN_INVOICE = 0x13

_CODES = {
    StatusWord.PIN_REQUIRED: StatusCode.PIN_REQUIRED,
    StatusWord.PIN_WRONG: StatusCode.PIN_NOT_OK,
    StatusWord.PIN_SIZE_WRONG: StatusCode.PIN_NOT_OK,
    StatusWord.PIN_TRIES_EXCEEDED: StatusCode.CARD_LOCKED,
    StatusWord.AUTHENTICATION_BLOCKED: StatusCode.CARD_LOCKED,
    StatusWord.LIMIT_REACHED: StatusCode.SECURE_ELEMENT_LOCKED,
    StatusWord.SIGNING_DISABLED: StatusCode.SECURE_ELEMENT_LOCKED,
    StatusWord.TIME_OUTSIDE_VALIDITY: StatusCode.SECURE_ELEMENT_EXPIRED,
}


class StatusWordError(Exception):
    """The card answered, and not with 9000."""

    def __init__(self, instruction: int, status_word: int) -> None:
        super().__init__(f"instruction {instruction:02X}: {status_word_name(status_word)}")
        self.instruction = instruction
        self.status_word = status_word


def status_code_for(status_word: int, instruction: int) -> StatusCode:
    """The general status code for a refusal; what only our own fault can cause is "no communication" (2220)."""
    if status_word & 0xFFF0 == 0x63C0:
        return StatusCode.PIN_NOT_OK
    if status_word == StatusWord.WRONG_DATA and instruction == SIGN_INVOICE:
        return StatusCode.INVALID_TAX_LABELS
    try:
        return _CODES.get(StatusWord(status_word), StatusCode.SECURE_ELEMENT_UNREACHABLE)
    except ValueError:
        return StatusCode.SECURE_ELEMENT_UNREACHABLE
