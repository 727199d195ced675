"""From when on something is worth an officer's look: a country's limits, and a device's habit of selling.

Nothing here judges anybody: what passes a limit becomes evidence in a case (S0-004, security 1.3).
"""

from __future__ import annotations

from datetime import timedelta

import attrs

HOURS_OF_WEEK = 168
_DECAY_WEEKS = 16
_COUNT_MOST = 255


@attrs.frozen(slots=True, kw_only=True)
class InspectionLimits:
    """A country's limits. ``arrival_hours``: how long a numbered document may be on its way. ``silent_hours``: how many
    of its usual hours a device may be silent, ``habit_days``: how long it must have sold before it has usual hours.
    ``unaudited_days``: how old an unaudited document may grow; ``unaudited_percent``: from which share of the card's
    limit on an unaudited sum is high, when it stays so for ``arrival_hours``. ``refund_percent``: which share of the
    sales of a shift may be given back in it, from ``refunds_least`` refunds on.
    """

    arrival_hours: int = 72
    silent_hours: int = 24
    habit_days: int = 21
    unaudited_days: int = 14
    unaudited_percent: int = 95
    refund_percent: int = 30
    refunds_least: int = 5

    @property
    def arrival(self) -> timedelta:
        """How long a numbered document may be on its way."""
        return timedelta(hours=self.arrival_hours)

    @property
    def unaudited_age(self) -> timedelta:
        """How old an unaudited document may grow."""
        return timedelta(days=self.unaudited_days)


@attrs.frozen(slots=True)
class SellingHabit:
    """In which hours of the week a device sells. Hours are counted from 1970 in its local time.

    ``counts`` has one byte for each hour of the week: in how many weeks since ``first_hour`` it sold in that hour.
    """

    first_hour: int
    last_hour: int
    counts: bytes

    @classmethod
    def begin(cls, hour: int) -> SellingHabit:
        """A device that sells for the first time."""
        counts = bytearray(HOURS_OF_WEEK)
        counts[hour % HOURS_OF_WEEK] = 1
        return cls(hour, hour, bytes(counts))

    def sold(self, hour: int) -> SellingHabit:
        """The habit after a sale; one in an hour that is over already says nothing new."""
        if hour <= self.last_hour:
            return self
        counts = bytearray(self.counts)
        at = hour % HOURS_OF_WEEK
        counts[at] = min(_COUNT_MOST, counts[at] + 1)
        first = self.first_hour
        if hour - first >= _DECAY_WEEKS * HOURS_OF_WEEK:  # what was long ago counts half
            counts = bytearray(count // 2 for count in counts)
            first += (hour - first) // (2 * HOURS_OF_WEEK) * HOURS_OF_WEEK
        return SellingHabit(first, hour, bytes(counts))

    def is_usual(self, hour: int) -> bool:
        """Whether the device sold in that hour of the week in at least half of the weeks that are known."""
        weeks = (self.last_hour - self.first_hour) // HOURS_OF_WEEK + 1
        return 2 * self.counts[hour % HOURS_OF_WEEK] >= max(2, weeks)

    def silent_from(self, limits: InspectionLimits) -> int | None:
        """The hour with which the device has been silent for too many of its usual hours; none without a habit."""
        if self.last_hour - self.first_hour < limits.habit_days * 24:
            return None
        usual = sum(self.is_usual(hour) for hour in range(HOURS_OF_WEEK))
        if not usual:
            return None
        weeks, left = divmod(limits.silent_hours - 1, usual)
        hour = self.last_hour + weeks * HOURS_OF_WEEK
        while left >= 0:
            hour += 1
            left -= self.is_usual(hour)
        return hour + 1
