"""Moments: aware, milliseconds, days of the place of sale (S2-059, K-16)."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import (
    epoch_day,
    from_unix_ms,
    to_milliseconds,
    unix_ms,
    utc_offset_minutes,
    with_offset,
)

BELGRADE = ZoneInfo("Europe/Belgrade")


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_round_trip(milliseconds: int) -> None:
    assert unix_ms(from_unix_ms(milliseconds)) == milliseconds


@pytest.mark.parametrize("milliseconds", [2**63, -(2**63), 253_402_300_800_000])
def test_ts_2008_milliseconds_out_of_range(milliseconds: int) -> None:
    with pytest.raises(Fault, match="TS-2008"):
        from_unix_ms(milliseconds)


def test_s2_059_parts_of_a_millisecond_are_cut_everywhere_alike() -> None:
    moment = datetime(2026, 3, 2, 10, 15, 30, 123_999, tzinfo=UTC)
    assert to_milliseconds(moment).microsecond == 123_000
    assert to_milliseconds(moment.replace(microsecond=999_000)).microsecond == 999_000
    assert unix_ms(moment) == unix_ms(to_milliseconds(moment))


def test_a_moment_without_a_zone_is_our_own_bug() -> None:
    naive = datetime(2026, 3, 2)
    with pytest.raises(ValueError, match="time zone"):
        unix_ms(naive)
    with pytest.raises(ValueError, match="time zone"):
        utc_offset_minutes(naive)


def test_k_16_the_doubled_hour_of_autumn_keeps_its_offset() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BELGRADE, fold=0)
    second = datetime(2026, 10, 25, 2, 30, tzinfo=BELGRADE, fold=1)
    assert (utc_offset_minutes(first), utc_offset_minutes(second)) == (120, 60)
    assert unix_ms(second) - unix_ms(first) == 3_600_000
    assert with_offset(from_unix_ms(unix_ms(first)), 120).hour == 2


def test_negative_and_broken_offsets() -> None:
    moment = datetime(2026, 3, 2, 10, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    assert utc_offset_minutes(moment) == -210
    assert with_offset(moment, 345) == moment


def test_the_day_is_the_one_on_the_wall() -> None:
    midnight = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert epoch_day(midnight.astimezone(BELGRADE)) == (date(2026, 3, 3) - date(1970, 1, 1)).days
    assert epoch_day(midnight) == (date(2026, 3, 2) - date(1970, 1, 1)).days
