"""Ranges of missing ordinals, with those taken out that lie in quarantine or evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.wire.ordinal_ranges import without


@pytest.mark.parametrize(
    ("ranges", "numbers", "left"),
    [
        ([], [3], []),
        ([(1, 5)], [], [(1, 5)]),
        ([(1, 5)], [1], [(2, 5)]),
        ([(1, 5)], [5], [(1, 4)]),
        ([(1, 5)], [3], [(1, 2), (4, 5)]),
        ([(1, 1), (4, 4)], [1, 4], []),
        ([(1, 3), (7, 9)], [2, 8, 11], [(1, 1), (3, 3), (7, 7), (9, 9)]),
    ],
)
def test_i_10_what_is_kept_apart_is_not_missing(
    ranges: list[tuple[int, int]], numbers: list[int], left: list[tuple[int, int]]
) -> None:
    assert list(without(ranges, numbers)) == left


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_the_ranges_hold_exactly_the_difference(missing: set[int], kept: set[int]) -> None:
    left = list(without([(number, number) for number in sorted(missing)], kept))
    assert {number for first, last in left for number in range(first, last + 1)} == missing - kept


@given(st.integers(1, 40), st.sets(st.integers(1, 40)))
def test_one_long_range(last: int, kept: set[int]) -> None:
    left = list(without([(1, last)], kept))
    assert {number for first, end in left for number in range(first, end + 1)} == set(range(1, last + 1)) - kept
    assert all(first <= end for first, end in left)
