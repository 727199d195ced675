"""A PIN on its way from a POS or a person to the card: once, never kept, never repeated (S2-020 to S2-023)."""

from __future__ import annotations

import re

from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.device.esdc.session import Session
from tallystick.device.secure_element import CardExchanged, StatusWordError, is_not_our_applet, status_code_for
from tallystick.kernel.faults import PosFault
from tallystick.kernel.status_codes import StatusCode

_PIN = re.compile(r"[0-9]{4}", re.ASCII)


class PinPaused(Exception):
    """Too many wrong PINs in a row: nobody may try until a person confirms at the device or puts the card in anew."""


def present_pin(session: Session, pin: str, wrong_pins_in_a_row: int, log: DeviceLog) -> None:
    """Ask the card once. Raises `PosFault` (2806, 2100, 2110, 2220), `PinPaused` and `CardUnavailable`."""
    if _PIN.fullmatch(pin) is None:
        log.error(Kind.INITIALIZATION, "PIN refused: not four digits")
        raise PosFault.single(StatusCode.INVALID_FORMAT)
    if session.wrong_pins >= wrong_pins_in_a_row:
        log.error(Kind.INITIALIZATION, "PIN refused: too many wrong ones in a row, a person must confirm")
        raise PinPaused
    try:
        session.card.verify_pin(pin)
    except StatusWordError as error:
        if is_not_our_applet(error):
            raise CardExchanged("the card knows nothing of this session") from error
        session.pin_verified = False
        code = status_code_for(error.status_word, error.instruction)
        session.locked = code is StatusCode.CARD_LOCKED
        session.wrong_pins += code is StatusCode.PIN_NOT_OK
        log.error(Kind.INITIALIZATION, f"PIN refused: {error}")
        raise PosFault.single(code) from error
    session.pin_verified = True
    session.locked = False
    session.wrong_pins = 0
    log.event(Kind.INITIALIZATION, "PIN accepted")
