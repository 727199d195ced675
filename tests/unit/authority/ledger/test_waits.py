"""Waits are counted in buckets and read as percentiles."""

import pytest

from tallystick.authority.ledger.waits import BOUNDS_MS, add_waits, pack_waits, percentile_ms


def test_counts_are_packed_and_added() -> None:
    rows = [pack_waits([0, 0, 4]), pack_waits([4, 99_999])]
    counts = add_waits(rows)
    assert sum(counts) == 5
    assert (counts[0], counts[3], counts[-1]) == (2, 2, 1)
    assert all(len(row) == 2 * (len(BOUNDS_MS) + 1) for row in rows)


def test_percentiles_lie_in_their_bucket() -> None:
    counts = add_waits([pack_waits([1] * 90 + [250] * 9 + [4000])])
    assert percentile_ms(counts, 0.5) == pytest.approx(1 + 50 / 90)
    median, high, last = (percentile_ms(counts, share) for share in (0.5, 0.95, 1.0))
    assert median is not None
    assert high is not None
    assert 1 <= median <= 2
    assert 200 <= high <= 300
    assert last == 5000


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile_ms(add_waits([]), 0.5) is None
    assert percentile_ms(add_waits([pack_waits([50_000])]), 0.5) == BOUNDS_MS[-1]
