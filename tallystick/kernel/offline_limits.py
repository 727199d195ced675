"""How long a device was without contact, by the operator's clock alone (S0-032, K-15): outages and their excess.

A device's own clock is no witness here, for whoever wants more than 72 hours sets it. What counts is when we heard of
the device, and which number of its sequence was the last that we knew of then: so an outage is a stretch of time on our
side and of numbers on the device's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from tallystick.kernel.channel_rules import ChannelRules

OUTAGE_LEAST = timedelta(minutes=15)
"""A shorter silence is none: a device speaks every few minutes while it can."""


@attrs.frozen(slots=True, kw_only=True)
class Outage:
    """A device was not heard from ``since`` to ``until``; ``after`` is the last number that was known before.

    ``up_to`` is the last number that it had made when it was back, none while it has not said so.
    """

    since: datetime
    until: datetime
    after: int
    up_to: int | None = None

    @property
    def length(self) -> timedelta:
        """How long."""
        return self.until - self.since

    def covers(self, sequence: int) -> bool:
        """Whether a document of that number may have been made in it."""
        return self.after < sequence and (self.up_to is None or sequence <= self.up_to)


Waits = Sequence[tuple[datetime, datetime]]
"""From when to when closed batches of a device lay with us unbooked: what it made then could not come behind them."""


def waited(waits: Waits, begin: datetime, end: datetime) -> timedelta:
    """How much of a stretch of time the waits cover, each moment once."""
    found, reached = timedelta(0), begin
    for since, until in sorted(waits):
        covered = min(until, end) - max(since, reached)
        if covered > timedelta(0):
            found, reached = found + covered, min(until, end)
    return found


def too_long(outages: Iterable[Outage], rules: ChannelRules) -> list[Outage]:
    """Those that were longer than the country allows, or that used up what it allows in so many days."""
    known = sorted(outages, key=lambda one: one.since)
    return [one for one in known if one.length > rules.offline_limit or _used_up(one, known, rules)]


@attrs.frozen(slots=True)
class Lateness:
    """Which documents came beyond the limit: made in an outage that was too long, or so old by their own word.

    A device names the numbers itself, its head before an outage and after it. So what says that it was made in the
    outage was, whatever its number; the country's window of time is allowed to its clock. The time for which a batch of
    the device waited with us, as one of a device on hold does, makes no document older.
    """

    excessive: Sequence[Outage]
    rules: ChannelRules
    waits: Waits = ()

    def reaches(self, sequence: int, made_at: datetime, received_at: datetime) -> bool:
        """Whether this document did."""
        window = self.rules.time_window
        return self._is_old(made_at, received_at) or any(
            one.covers(sequence) or one.since + window < made_at < one.until - window for one in self.excessive
        )

    def may_reach(self, numbers: tuple[int, int], made: tuple[datetime, datetime], received_at: datetime) -> bool:
        """Whether any document may have, of those with the numbers and times between the two."""
        window, (first, last), (earliest, latest) = self.rules.time_window, numbers, made
        return self._is_old(earliest, received_at) or any(
            (one.after < last and (one.up_to is None or first <= one.up_to))
            or (one.since + window < latest and earliest < one.until - window)
            for one in self.excessive
        )

    def _is_old(self, made_at: datetime, received_at: datetime) -> bool:
        age, limit = received_at - made_at, self.rules.offline_limit
        return age > limit and age - waited(self.waits, made_at, received_at) > limit


def _used_up(last: Outage, known: Sequence[Outage], rules: ChannelRules) -> bool:
    """Whether the outages of the days before the end of this one, with this one, pass the rolling limit."""
    if rules.rolling_hours is None:
        return False
    begin = last.until - timedelta(days=rules.rolling_days)
    spent = timedelta(0)
    for one in known:
        if one.until <= last.until:
            spent += max(one.until - max(one.since, begin), timedelta(0))
    return spent > timedelta(hours=rules.rolling_hours)
