"""The PIN of a card: digits, from 3.2.2 on ASCII as well (C-09); five tries, then locked for good (wire: 7.6)."""

from __future__ import annotations

import msgspec

from tallystick.device.applet.core import Core, Refusal
from tallystick.kernel.hashing import same_bytes
from tallystick.kernel.limits import LIMITS
from tallystick.wire.apdu import StatusWord


def verify_pin(core: Core, data: bytes) -> bytes:
    """Compare the PIN of the TaxCore applet: 6310 locked, 6303 wrong size (costs no try), 6302 or 63Cx wrong."""
    if core.state.pin_tries == 0:
        raise Refusal(StatusWord.PIN_TRIES_EXCEEDED)
    if len(data) != LIMITS.pin_digits:
        raise Refusal(StatusWord.PIN_SIZE_WRONG)
    if compare_pin(core, as_digits(data) if core.chip.takes_ascii_pin else data):
        return b""
    tries = core.state.pin_tries
    if tries == 0:
        raise Refusal(StatusWord.PIN_TRIES_EXCEEDED)
    raise Refusal(0x63C0 | tries if core.chip.quirks.wrong_pin_tells_tries else StatusWord.PIN_WRONG)


def compare_pin(core: Core, digits: bytes) -> bool:
    """Take a try off durably, compare digits 0 to 9, and give the tries back when it was right.

    The order leaves nothing to somebody who cuts the power when he sees a wrong PIN being counted.
    """
    core.pin_verified = False
    core.commit(msgspec.structs.replace(core.state, pin_tries=core.state.pin_tries - 1))
    if not same_bytes(digits, core.chip.pin):
        return False
    core.commit(msgspec.structs.replace(core.state, pin_tries=LIMITS.pin_tries))
    core.pin_verified = True
    return True


def as_digits(data: bytes) -> bytes:
    """ASCII digits as digits; anything else as it is."""
    return bytes(byte - 0x30 for byte in data) if data.isdigit() else data
