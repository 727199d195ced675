"""What the log of a device shows, and where a reader stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.instants import from_unix_ms

_CURSOR = re.compile(r"([0-9]{1,17})\.([0-9]{1,2})\.([0-9a-zA-Z-]{0,64})\.([0-9]{1,10})", re.ASCII)
_MICROSECONDS_MAX = 253_402_300_799_999_999
KEPT_BACK = frozenset({"by", "reason"})
"""Facts that the taxpayer is not shown: who at the authority held a device, and why, may betray an inspection."""

_MOMENTS = frozenset({"issued", "since", "until"})
_MOMENTS_OF = {"calls": frozenset({"first", "last"})}


@attrs.frozen(slots=True)
class Cursor:
    """Behind which entry a page begins: moment (Unix µs), source and key of the newest, and place of the newest
    document that was looked at."""

    at_us: int = 0
    rank: int = 0
    key: str = ""
    sequence: int = -1

    def __str__(self) -> str:
        """As it goes to the reader, who gives it back as it is."""
        return f"{self.at_us}.{self.rank}.{self.key}.{self.sequence + 1}"

    @property
    def at(self) -> datetime:
        """The moment."""
        whole, rest = divmod(self.at_us, 1000)
        return from_unix_ms(whole).replace(microsecond=whole % 1000 * 1000 + rest)


def read_cursor(text: str) -> Cursor:
    """Read a cursor; empty is the beginning. Raises ``TS-1220``."""
    if not text:
        return Cursor()
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[1]) > _MICROSECONDS_MAX or int(found[4]) > 2**32:
        raise Fault("TS-1220", detail="a cursor of this log", fields=(FieldFault("/after", "5"),))
    return Cursor(int(found[1]), int(found[2]), found[3], int(found[4]) - 1)


@attrs.frozen(slots=False)
class LogEntry:
    """One thing that was done; ``facts`` are texts, moments in them Unix ms."""

    at: datetime
    what: str
    facts: Mapping[str, str]

    @property
    def for_people(self) -> dict[str, str]:
        """Its facts that say something, by name, moments as dates (UTC)."""
        moments = _MOMENTS | _MOMENTS_OF.get(self.what, frozenset())
        said = {name: value for name, value in sorted(self.facts.items()) if value}
        return {name: _date(value) if name in moments and value.isdecimal() else value for name, value in said.items()}

    @cached_property
    def for_taxpayer(self) -> LogEntry:
        """Without what is kept back from him."""
        if self.what not in ("held", "released", "closed"):
            return self
        return LogEntry(self.at, self.what, {name: said for name, said in self.facts.items() if name not in KEPT_BACK})


@attrs.frozen(slots=True)
class LogPage:
    """Some entries, oldest first; ``after`` asks on from here, now or later; ``has_more`` where more waits already."""

    entries: tuple[LogEntry, ...]
    after: Cursor
    has_more: bool


def _date(unix_ms: str) -> str:
    return f"{from_unix_ms(int(unix_ms)):%Y-%m-%dT%H:%M:%SZ}"
