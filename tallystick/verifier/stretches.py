"""What a part says of each sequence that passes through it: where the sequence enters, and where it leaves."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

Key = tuple[str, str]
"""Name of the sequence (device, taxpayer, type, day) and whose it is."""

DEVICE, TAXPAYER, TYPE, DAY = "device", "taxpayer", "type", "day"


@attrs.define(slots=True)
class Stretch:
    """A sequence within one part. ``before`` is the link that stood before ``first_seq``, as the export says it.

    ``total_before`` and ``total`` are running totals of a day (x 10^4); ``salt`` opens a taxpayer's sequence.
    """

    first_index: int
    first_seq: int
    before: bytes
    seq: int
    link: bytes
    total_before: int = 0
    total: int = 0
    salt: bytes = b""


@attrs.frozen(slots=True)
class Registration:
    """A device as its entry opens it."""

    index: int
    pair: str
    certificate_hash: bytes
    leaf_hash: bytes
    taxpayer: str = ""


Ranges = list[tuple[int, int]]


def to_ranges(numbers: Sequence[int]) -> tuple[Ranges, list[int]]:
    """Sorted ranges of numbers, and those that stand twice."""
    ranges: Ranges = []
    twice: list[int] = []
    for number in sorted(numbers):
        if ranges and number <= ranges[-1][1]:
            twice.append(number)
        elif ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges, twice


def merge_ranges(ours: Ranges, more: Ranges) -> tuple[Ranges, list[int]]:
    """Both together, and the first number of each overlap. Appending behind the end costs little."""
    if not ours or more[0][0] > ours[-1][1]:
        if ours and more[0][0] == ours[-1][1] + 1:
            return [*ours[:-1], (ours[-1][0], more[0][1]), *more[1:]], []
        return ours + more, []
    merged: Ranges = []
    twice: list[int] = []
    for first, last in sorted(ours + more):
        if merged and first <= merged[-1][1]:
            twice.append(first)
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        elif merged and first == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return merged, twice
