"""S0-004: when a device's silence is worth a look, from its own habit alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.inspections import HOURS_OF_WEEK, InspectionLimits, SellingHabit

LIMITS = InspectionLimits(silent_hours=10, habit_days=21)
MONDAY = 20_000 * 24 // HOURS_OF_WEEK * HOURS_OF_WEEK


def sold(hours: list[int]) -> SellingHabit:
    habit = SellingHabit.begin(hours[0])
    for hour in hours[1:]:
        habit = habit.sold(hour)
    return habit


def week_days(weeks: int, opening: range = range(9, 17)) -> list[int]:
    """Every hour of opening, Monday to Friday."""
    return [
        MONDAY + week * HOURS_OF_WEEK + day * 24 + hour for week in range(weeks) for day in range(5) for hour in opening
    ]


def test_a_device_without_three_weeks_has_no_habit() -> None:
    assert sold(week_days(3)).silent_from(LIMITS) is None
    assert sold(week_days(4)).silent_from(LIMITS) is not None


def test_nights_and_week_ends_do_not_count() -> None:
    hours = week_days(4)
    silent = sold(hours).silent_from(LIMITS)
    tuesday_two = MONDAY + 4 * HOURS_OF_WEEK + 24 + 9 + 2  # eight hours of Monday, two of Tuesday
    assert silent == tuesday_two


def test_a_device_that_sells_once_a_month_is_never_silent() -> None:
    assert sold([MONDAY + month * 4 * HOURS_OF_WEEK + 9 for month in range(6)]).silent_from(LIMITS) is None


def test_new_opening_hours_are_learned() -> None:
    habit = sold(week_days(30, range(9, 12)))
    for hour in week_days(60, range(18, 21))[30 * 15 :]:
        habit = habit.sold(hour)
    assert habit.is_usual(MONDAY + 18)
    assert not habit.is_usual(MONDAY + 9)


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=200), st.integers(1, 100))
def test_a_sale_never_makes_silence_earlier_than_itself(offsets: list[int], limit: int) -> None:
    limits = InspectionLimits(silent_hours=limit, habit_days=1)
    habit = sold([MONDAY + offset for offset in offsets])
    assert habit.last_hour == MONDAY + max(offsets[0], *offsets)
    silent = habit.silent_from(limits)
    if silent is not None:
        between = sum(habit.is_usual(hour) for hour in range(habit.last_hour + 1, silent))
        assert between == limit


def test_a_late_package_says_nothing_new() -> None:
    habit = sold(week_days(4))
    assert habit.sold(MONDAY) is habit
