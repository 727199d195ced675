"""Counts how long documents waited, in buckets that a batch can store and a page can add up."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence

BOUNDS_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 5000, 10000)
"""Upper bounds of all buckets but the last, which is open."""

_FORM = struct.Struct(f">{len(BOUNDS_MS) + 1}H")


def pack_waits(waits_ms: Iterable[int]) -> bytes:
    """The counts of one batch, a u16 for each bucket."""
    counts = [0] * (len(BOUNDS_MS) + 1)
    for wait in waits_ms:
        counts[bisect_right(BOUNDS_MS, wait)] += 1
    return _FORM.pack(*counts)


def add_waits(rows: Iterable[bytes]) -> list[int]:
    """The counts of many batches together."""
    totals = [0] * (len(BOUNDS_MS) + 1)
    for row in rows:
        totals = [total + count for total, count in zip(totals, _FORM.unpack(row), strict=True)]
    return totals


def percentile_ms(counts: Sequence[int], share: float) -> float | None:
    """The wait in ms that ``share`` of the documents stayed below, straight within its bucket; None without any."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0
    for position, count in enumerate(counts):
        if count and below + count >= wanted:
            low = BOUNDS_MS[position - 1] if position else 0
            high = BOUNDS_MS[min(position, len(BOUNDS_MS) - 1)]
            return low + max(high - low, 0) * (wanted - below) / count
        below += count
    return float(BOUNDS_MS[-1])
