"""Ranges of ordinals in headers: written and read again, bounded, lenient, and their arithmetic against sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire.ordinal_ranges import (
    ORDINAL_MAX,
    RANGES_MOST,
    Ranges,
    count,
    minus,
    read_ranges,
    within,
    without,
    write_ranges,
)

pairs = st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1]))
ordinals = st.tuples(st.integers(1, ORDINAL_MAX), st.integers(1, ORDINAL_MAX)).map(lambda one: (min(one), max(one)))


def members(ranges: Ranges) -> set[int]:
    """Every number of small ranges."""
    return {number for first, last in ranges for number in range(first, last + 1)}


def apart(numbers: set[int]) -> Ranges:
    """Single numbers as ranges."""
    return tuple((number, number) for number in sorted(numbers))


@pytest.mark.parametrize(
    ("header", "ranges"),
    [
        ("", ()),
        ("3", ((3, 3),)),
        ("3,7-9", ((3, 3), (7, 9))),
        (" 1 , x, 2-, -3, 4-5-6, 99999999999, 0, 0-4, 9-2, 4294967296", ((1, 1),)),
    ],
)
def test_missing_ordinals_are_read_leniently(header: str, ranges: Ranges) -> None:
    assert read_ranges(header) == ranges


@given(st.lists(ordinals, max_size=RANGES_MOST).map(tuple))
def test_what_is_written_is_read(ranges: Ranges) -> None:
    assert read_ranges(write_ranges(ranges)) == ranges


@given(st.text(max_size=2000))
def test_any_text_gives_bounded_ranges_of_a_cards_counter(text: str) -> None:
    found = read_ranges(text)
    assert len(found) <= RANGES_MOST
    assert all(1 <= first <= last <= ORDINAL_MAX for first, last in found)


def test_at_most_a_hundred_are_written_and_read() -> None:
    many = tuple((number, number) for number in range(1, 500))
    assert len(write_ranges(many).split(",")) == RANGES_MOST
    assert len(read_ranges(",".join(str(first) for first, _ in many))) == RANGES_MOST


@given(st.sets(st.integers(1, 60)), st.lists(pairs, max_size=6).map(tuple), st.sets(st.integers(1, 60)))
def test_the_arithmetic_is_that_of_sets(numbers: set[int], others: Ranges, taken: set[int]) -> None:
    ranges = apart(numbers)
    assert members(minus(ranges, others)) == numbers - members(others)
    assert members(tuple(without(ranges, taken))) == numbers - taken
    assert members(minus(((1, 60),), ranges)) == set(range(1, 61)) - numbers
    assert members(within(ranges, 10, 20)) == numbers & set(range(10, 21))
    assert count(ranges) == len(numbers)
