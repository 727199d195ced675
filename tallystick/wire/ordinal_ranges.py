"""Ranges of ordinals as the headers ``Ts-Missing`` and ``Ts-Gone`` carry them: ``3,5-7`` (K-13; ours, not published).

A range is a pair (first, last), both inclusive.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

Ranges = tuple[tuple[int, int], ...]

MISSING_HEADER = "Ts-Missing"
GONE_HEADER = "Ts-Gone"
RANGES_MOST = 100
ORDINAL_MAX = 2**32 - 1

_RANGE = re.compile(r"(\d{1,10})(?:-(\d{1,10}))?", re.ASCII)


def write_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    """The text of a header, at most 100 ranges; the others are told when these are settled."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:RANGES_MOST])


def read_ranges(text: str) -> Ranges:
    """The ranges of a header, at most 100; whatever is no range of a card's counter is left out."""
    found = (_RANGE.fullmatch(part.strip()) for part in text.split(",", RANGES_MOST)[:RANGES_MOST])
    pairs = ((int(match[1]), int(match[2] or match[1])) for match in found if match)
    return tuple((first, last) for first, last in pairs if 1 <= first <= last <= ORDINAL_MAX)


def without(ranges: Iterable[tuple[int, int]], numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The ranges with some numbers taken out."""
    taken = sorted(numbers)
    for first, last in ranges:
        start = first
        for number in taken[bisect_left(taken, first) : bisect_right(taken, last)]:
            if start < number:
                yield start, number - 1
            start = number + 1
        if start <= last:
            yield start, last


def minus(ranges: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> Ranges:
    """The ranges with other ranges taken out."""
    left = tuple(ranges)
    for first, last in others:
        left = tuple(piece for one in left for piece in _cut(one, first, last))
    return left


def _cut(one: tuple[int, int], first: int, last: int) -> Iterator[tuple[int, int]]:
    if last < one[0] or first > one[1]:
        yield one
        return
    if one[0] < first:
        yield one[0], first - 1
    if last < one[1]:
        yield last + 1, one[1]


def within(ranges: Iterable[tuple[int, int]], first: int, last: int) -> Ranges:
    """What of the ranges lies between two ordinals, both inclusive."""
    clipped = ((max(one, first), min(end, last)) for one, end in ranges)
    return tuple((one, end) for one, end in clipped if one <= end)


def count(ranges: Iterable[tuple[int, int]]) -> int:
    """How many ordinals the ranges hold."""
    return sum(last - first + 1 for first, last in ranges)
