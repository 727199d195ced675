"""Commands of the authority to devices of the national channels, and what a device may do with one (S0-030).

A command says what it wants in one of six forms. A device carries out each at most once, in the order of their numbers,
and none after its end; `judge` is that rule, for the register and for whoever plays one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

import attrs

from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import UINT32_MAX, Uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.tax_rates import TaxRateGroup

NUMBER_MAX = UINT32_MAX
RECEIPT_TEXT_CHARACTERS = 400
LABELS_MOST = 64
OFFLINE_HOURS_MOST, ROLLING_DAYS_MOST, SHIFT_HOURS_MOST = 24 * 31, 366, 48
TIME_MS_MAX = 253_402_300_799_999
"""The last millisecond of the year 9999, the last that a time of the wire can say."""

_RATE = re.compile(r"(0|[1-9][0-9]{0,3})(\.[0-9]{1,4})?", re.ASCII)
_BUILD = re.compile(r"[0-9a-f]{64}", re.ASCII)


class CommandKind(StrEnum):
    """What a command wants."""

    HOLD = "hold"
    RELEASE = "release"
    POLICY = "policy"
    RATES = "rates"
    RESEND = "resend"
    FIRMWARE = "firmware"


LIFETIME: Mapping[CommandKind, timedelta] = {
    CommandKind.HOLD: timedelta(days=30),
    CommandKind.RELEASE: timedelta(days=30),
    CommandKind.POLICY: timedelta(days=30),
    CommandKind.RATES: timedelta(days=30),
    CommandKind.RESEND: timedelta(days=7),
    CommandKind.FIRMWARE: timedelta(days=30),
}
"""How long a command of a kind may be carried out. What it changed lasts longer."""


@attrs.frozen(slots=True)
class Hold:
    """Sell no more until released. The authority holds the device in its registry at the same moment."""

    kind = CommandKind.HOLD


@attrs.frozen(slots=True)
class Release:
    """Sell again."""

    kind = CommandKind.RELEASE


@attrs.frozen(slots=True, kw_only=True)
class PolicyChange:
    """Limits and texts of this device; what is none stays as it is. An empty ``receipt_text`` takes the text away.

    A device never gets more than its country gives (`require_within`).
    """

    kind = CommandKind.POLICY
    offline_hours: int | None = None
    rolling_hours: int | None = None
    rolling_days: int | None = None
    shift_hours: int | None = None
    receipt_text: str | None = None

    def __attrs_post_init__(self) -> None:
        bounds = {
            "offline_hours": (0, OFFLINE_HOURS_MOST),
            "rolling_days": (1, ROLLING_DAYS_MOST),
            "rolling_hours": (0, OFFLINE_HOURS_MOST),
            "shift_hours": (1, SHIFT_HOURS_MOST),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise malformed(f"/{name}", f"from {least} to {most}")
        text = self.receipt_text
        if text is not None and (len(text) > RECEIPT_TEXT_CHARACTERS or not text.isprintable() or text != text.strip()):
            raise malformed("/receipt_text", f"at most {RECEIPT_TEXT_CHARACTERS} printable characters")
        if not self.members:
            raise malformed("/", "a policy change changes something")

    @property
    def members(self) -> frozenset[str]:
        """Names of what it sets."""
        names = ("offline_hours", "rolling_hours", "rolling_days", "shift_hours", "receipt_text")
        return frozenset(name for name in names if getattr(self, name) is not None)

    def require_within(self, rules: ChannelRules) -> None:
        """Raise ``TS-3300`` where it would give a device more than the country does."""
        most = {
            "offline_hours": rules.offline_hours,
            "rolling_hours": rules.rolling_hours,
            "shift_hours": rules.shift_hours,
        }
        for name, limit in most.items():
            value = getattr(self, name)
            if value is not None and limit is not None and value > limit:
                raise malformed(f"/{name}", f"the country gives {limit}")


@attrs.frozen(slots=True, kw_only=True)
class RateChange:
    """A rate group ahead of its validity: number, moment (Unix ms), and per cent by label."""

    kind = CommandKind.RATES
    group: int
    valid_from_ms: int
    labels: Mapping[str, str]

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.group <= UINT32_MAX:
            raise malformed("/group", "a number of a rate group")
        _require_time("/valid_from", self.valid_from_ms)
        if not 1 <= len(self.labels) <= LABELS_MOST:
            raise malformed("/labels", f"1 to {LABELS_MOST} labels")
        for label, rate in self.labels.items():
            if not 1 <= len(label) <= 8 or not label.isprintable() or _RATE.fullmatch(rate) is None:
                raise malformed("/labels", "a label, and its rate as a decimal number")


def rate_change(group: TaxRateGroup) -> RateChange:
    """A rate group as a command says it; raises ``TS-3300`` for one that no command can say."""
    labels = {rate.label: _plain(str(rate.rate)) for category in group.categories for rate in category.rates}
    return RateChange(group=group.group_id, valid_from_ms=unix_ms(group.valid_from), labels=labels)


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


@attrs.frozen(slots=True, kw_only=True)
class Resend:
    """Send again every document from this place of the sequence on; what is booked gets its first answer."""

    kind = CommandKind.RESEND
    first: int

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.first <= UINT32_MAX:
            raise malformed("/first", "a place of the device's sequence")


@attrs.frozen(slots=True, kw_only=True)
class FirmwareNotice:
    """A certified build (hex) that shall be installed by a moment (Unix ms). Who does it, and how, is the maker's."""

    kind = CommandKind.FIRMWARE
    build: str
    install_by_ms: int

    def __attrs_post_init__(self) -> None:
        if _BUILD.fullmatch(self.build) is None:
            raise malformed("/build", "a build's id: 64 lower-case hexadecimal digits")
        _require_time("/install_by", self.install_by_ms)


Wanted: TypeAlias = "Hold | Release | PolicyChange | RateChange | Resend | FirmwareNotice"


@attrs.frozen(slots=True, kw_only=True)
class DeviceCommand:
    """A command: to whom in which environment, its place in the device's row of commands, from when to when (ms)."""

    audience: str
    device: Uid
    number: int
    issued_ms: int
    expires_ms: int
    wanted: Wanted

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.number <= NUMBER_MAX:
            raise malformed("/number", "commands of a device are counted from 1")
        _require_time("/issued", self.issued_ms)
        _require_time("/expires", self.expires_ms)
        if self.expires_ms <= self.issued_ms:
            raise malformed("/expires", "a command ends after it begins")
        if not self.audience.isprintable() or not 1 <= len(self.audience) <= 255:
            raise malformed("/audience", "the origin of an environment's ledger")


def supersedes(newer: Wanted, older: Wanted) -> bool:
    """Whether a newer command takes the place of an older one that nobody answered.

    A hold and a release are about one thing, so the newest counts. A policy change takes the place of one that sets
    nothing else than it sets itself; rates that of the same group; a resend that of one from the same place or later; a
    notice that of every other notice.
    """
    match newer, older:
        case (Hold() | Release(), Hold() | Release()):
            return True
        case PolicyChange(), PolicyChange():
            return older.members <= newer.members
        case RateChange(), RateChange():
            return newer.group == older.group
        case Resend(), Resend():
            return newer.first <= older.first
        case FirmwareNotice(), FirmwareNotice():
            return True
    return False


class Outcome(StrEnum):
    """What a device says about a command; ``accepted`` comes before one of the two others, or not at all."""

    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Whether nothing else may follow."""
        return self is not Outcome.ACCEPTED


REASON_CHARACTERS = 200


@attrs.frozen(slots=True, kw_only=True)
class CommandResult:
    """What a device did with a command, and how it stands after that.

    ``command_hash`` is the SHA-256 of the compact form that it got; ``reason`` says why it refused, and is empty
    otherwise. ``state`` is ``active`` or ``hold``; ``sequence`` the place of its newest document; ``build`` its build.
    """

    audience: str
    device: Uid
    number: int
    command_hash: bytes
    outcome: Outcome
    reason: str
    made_ms: int
    state: str
    sequence: int
    build: str

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.number <= NUMBER_MAX or not 0 <= self.sequence <= UINT32_MAX:
            raise unreadable("/number", "a number out of its bounds")
        _require_time("/time", self.made_ms, unreadable)
        if len(self.reason) > REASON_CHARACTERS or not self.reason.isprintable():
            raise unreadable("/reason", f"at most {REASON_CHARACTERS} printable characters")
        if bool(self.reason) is not (self.outcome is Outcome.REFUSED):
            raise unreadable("/reason", "a refusal says why, and nothing else does")
        if self.state not in ("active", "hold"):
            raise unreadable("/state", "active or hold")
        if self.build and _BUILD.fullmatch(self.build) is None:
            raise unreadable("/build", "a build's id, or nothing")

    def says_the_same_as(self, other: CommandResult) -> bool:
        """Whether both tell the same outcome of the same command; when it was told makes no difference."""
        mine = (self.number, self.command_hash, self.outcome, self.reason, self.state)
        return mine == (other.number, other.command_hash, other.outcome, other.reason, other.state)


class Verdict(StrEnum):
    """What a device has to do with a command that it got."""

    CARRY_OUT = "carry-out"
    ANSWER_AGAIN = "answer-again"
    REFUSE_EXPIRED = "refuse-expired"
    SKIP = "skip"


def judge(command: DeviceCommand, command_hash: bytes, carried_out: Mapping[int, bytes], now_ms: int) -> Verdict:
    """What a device does with a command whose signature and address it has checked.

    ``carried_out`` are the commands that it has answered for good, by number the SHA-256 of what it got. The same
    command again gets the same answer and does nothing. Anything else of a number that is not above all of those comes
    out of order, be it older or other bytes under a number that was used: it is skipped.
    """
    if carried_out.get(command.number) == command_hash:
        return Verdict.ANSWER_AGAIN
    if command.number <= max(carried_out, default=0):
        return Verdict.SKIP
    return Verdict.REFUSE_EXPIRED if now_ms >= command.expires_ms else Verdict.CARRY_OUT


def malformed(pointer: str, detail: str) -> Fault:
    """``TS-3300`` at a place."""
    return Fault("TS-3300", detail=f"{pointer}: {detail}", fields=(FieldFault(pointer, "5"),))


def unreadable(pointer: str, detail: str) -> Fault:
    """``TS-3305`` at a place."""
    return Fault("TS-3305", detail=f"{pointer}: {detail}", fields=(FieldFault(pointer, "5"),))


def _require_time(pointer: str, unix_ms: int, fault: Callable[[str, str], Fault] = malformed) -> None:
    if not 0 <= unix_ms <= TIME_MS_MAX:
        raise fault(pointer, "a moment that a calendar has")
