"""What a status word means to a POS (wire: 7.5)."""

from __future__ import annotations

from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.apdu import StatusWord, status_word_name

SIGN_INVOICE = 0x13
UNKNOWN_STATUS_WORD = "TS-3115"
NOT_OUR_APPLET = frozenset({StatusWord.CLASS_UNKNOWN, StatusWord.INSTRUCTION_UNKNOWN, StatusWord.NOT_FOUND})
"""What a card says to an instruction of the applet that was selected, when it has been exchanged or reset meanwhile."""

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


def is_known(status_word: int) -> bool:
    """Whether the applet or ISO 7816 has such a status word for our commands."""
    return status_word & 0xFFF0 == 0x63C0 or any(status_word == known for known in StatusWord)


class StatusWordError(Exception):
    """The card answered, and not with 9000."""

    def __init__(self, instruction: int, status_word: int) -> None:
        unknown = "" if is_known(status_word) else f" ({UNKNOWN_STATUS_WORD} no status word of this card)"
        super().__init__(f"instruction {instruction:02X}: {status_word_name(status_word)}{unknown}")
        self.instruction = instruction
        self.status_word = status_word


def is_not_our_applet(error: BaseException | None) -> bool:
    """Whether a refusal says that the applet is not selected any more."""
    return isinstance(error, StatusWordError) and error.status_word in NOT_OUR_APPLET


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
