"""What the device has to say to whoever stands at it (S2-121 to S2-131): which notices hold, and how each looks.

A notice is told by words, by a symbol and by the shape around it; colour comes on top and is never alone.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import attrs

from tallystick.device.esdc.activity import Doing
from tallystick.device.esdc.status import MakerCode
from tallystick.kernel.status_codes import StatusCode


class Tone(StrEnum):
    """How urgent, and with it the shape: octagon, triangle, square, circle."""

    STOP = "stop"
    WARN = "warn"
    WORK = "work"
    GOOD = "good"


class Notice(StrEnum):
    """The notices, most urgent first; values are their names in the word files."""

    CARD_MISSING = "card-missing"
    CARD_UNREACHABLE = "card-unreachable"
    STORE_TAKEN = "store-taken"
    CARD_LOCKED = "card-locked"
    CARD_EXPIRED = "card-expired"
    CARD_DISAGREES = "card-disagrees"
    STORAGE_FULL = "storage-full"
    CLOCK_WRONG = "clock-wrong"
    LIMIT_REACHED = "limit-reached"
    NOT_CONFIGURED = "not-configured"
    PIN_PAUSED = "pin-paused"
    ENTER_PIN = "enter-pin"
    UPDATING = "updating"
    READY = "ready"
    STORAGE_ALMOST_FULL = "storage-almost-full"
    AUDIT_TIME = "audit-time"
    CLOCK_DIFFERS = "clock-differs"
    CLOCK_OVERDUE = "clock-overdue"
    MEDIUM = "medium"
    COMMANDS = "commands"
    TRANSFER = "transfer"
    BUSY = "busy"

    @property
    def tone(self) -> Tone:
        """Its urgency."""
        return _TONES[self]


_TONES = (
    dict.fromkeys(tuple(Notice)[:9], Tone.STOP)
    | dict.fromkeys(tuple(Notice)[9:], Tone.WARN)
    | {Notice.READY: Tone.GOOD}
    | dict.fromkeys((Notice.UPDATING, Notice.MEDIUM, Notice.COMMANDS, Notice.TRANSFER, Notice.BUSY), Tone.WORK)
)


@attrs.frozen(slots=True, kw_only=True)
class Findings:
    """What the notices are drawn from. `missing` names what of the setup is not there (S2-122)."""

    has_card: bool
    codes: Collection[str]
    maker_codes: Collection[str]
    missing: tuple[str, ...] = ()
    doing: Collection[Doing] = ()
    storage_low: bool = False
    updating: bool = False


_BY_CODE = {
    StatusCode.CARD_NOT_PRESENT: Notice.CARD_MISSING,
    StatusCode.CARD_LOCKED: Notice.CARD_LOCKED,
    StatusCode.SECURE_ELEMENT_EXPIRED: Notice.CARD_EXPIRED,
    StatusCode.SECURE_ELEMENT_LOCKED: Notice.LIMIT_REACHED,
    StatusCode.NOT_CONFIGURED: Notice.NOT_CONFIGURED,
    StatusCode.AUDIT_REQUIRED: Notice.AUDIT_TIME,
}
_BY_MAKER_CODE = {
    MakerCode.STORE_TAKEN: Notice.STORE_TAKEN,
    MakerCode.CARD_NOT_SETTLED: Notice.CARD_DISAGREES,
    MakerCode.STORAGE_FULL: Notice.STORAGE_FULL,
    MakerCode.CLOCK_WRONG: Notice.CLOCK_WRONG,
    MakerCode.PIN_PAUSED: Notice.PIN_PAUSED,
    MakerCode.CLOCK_OVERDUE: Notice.CLOCK_OVERDUE,
    MakerCode.CLOCK_DIFFERS: Notice.CLOCK_DIFFERS,
}
_BY_WORK = {
    Doing.TRANSFER: Notice.TRANSFER,
    Doing.MEDIUM: Notice.MEDIUM,
    Doing.COMMANDS: Notice.COMMANDS,
}


def notices(found: Findings) -> tuple[Notice, ...]:
    """The notices that hold, most urgent first."""
    holding = {notice for code, notice in _BY_CODE.items() if code in found.codes}
    holding |= {notice for code, notice in _BY_MAKER_CODE.items() if code in found.maker_codes}
    holding |= {_BY_WORK[doing] for doing in found.doing}
    unreachable = StatusCode.SECURE_ELEMENT_UNREACHABLE in found.codes
    if unreachable and not holding & {Notice.CARD_DISAGREES, Notice.STORE_TAKEN}:
        holding.add(Notice.CARD_UNREACHABLE)
    if found.missing:
        holding.add(Notice.NOT_CONFIGURED)
    if found.has_card and StatusCode.PIN_REQUIRED in found.codes and not holding & {Notice.CARD_LOCKED}:
        holding.add(Notice.ENTER_PIN)
    if found.storage_low:
        holding.add(Notice.AUDIT_TIME)
        if Notice.STORAGE_FULL not in holding:
            holding.add(Notice.STORAGE_ALMOST_FULL)
    if found.updating:
        holding.add(Notice.UPDATING)
    if found.has_card and _can_sign(found, holding):
        holding.add(Notice.READY)
    return tuple(notice for notice in Notice if notice in holding)


def _can_sign(found: Findings, holding: set[Notice]) -> bool:
    """Nothing that stops a sale holds; a time server that is missing does not stop one."""
    stopping = {notice for notice in holding if notice.tone is Tone.STOP} | (holding & {Notice.ENTER_PIN})
    return not stopping and StatusCode.NOT_CONFIGURED not in found.codes
