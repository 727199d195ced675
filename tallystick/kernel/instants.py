"""Moments in time: always aware, always passed in, milliseconds on every wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from tallystick.kernel.faults import Fault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH_DAY = EPOCH.toordinal()

Clock = Callable[[], datetime]
"""A source of aware moments; the outermost layer hands it in."""


def unix_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, rounded down; the moment must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return (moment - EPOCH) // _MILLISECOND


def from_unix_ms(milliseconds: int) -> datetime:
    """The UTC moment of a millisecond count; raises ``TS-2008`` outside the years 1 to 9999."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise Fault("TS-2008", detail="time out of range") from None


def to_milliseconds(moment: datetime) -> datetime:
    """The moment cut to whole milliseconds, so that the card, the URL and the package agree (S2-059)."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def utc_offset_minutes(moment: datetime) -> int:
    """The offset from UTC in minutes of an aware moment (K-16)."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a moment without a time zone")
    return int(offset.total_seconds() // 60)


def with_offset(moment: datetime, offset_minutes: int) -> datetime:
    """The same instant, expressed at an offset from UTC in minutes."""
    return moment.astimezone(timezone(timedelta(minutes=offset_minutes)))


def epoch_day(local: datetime) -> int:
    """Days since 1970-01-01 of the date that the moment shows in its own zone."""
    return local.toordinal() - _EPOCH_DAY
