"""When a store is almost full, and full (S2-128, S2-129)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.storage import Fullness, free_bytes_of_disk, fullness

BOUND = Storage(store_bytes_max=1000, disk_reserve_bytes=100)
PLENTY = 10**9


@pytest.mark.parametrize(
    ("used", "free", "judged"),
    [
        (0, PLENTY, Fullness.ROOM),
        (899, PLENTY, Fullness.ROOM),
        (900, PLENTY, Fullness.ALMOST_FULL),
        (949, PLENTY, Fullness.ALMOST_FULL),
        (950, PLENTY, Fullness.FULL),
        (450, 150, Fullness.ALMOST_FULL),
        (450, 120, Fullness.FULL),
        (0, 100, Fullness.FULL),
        (10, 0, Fullness.FULL),
    ],
)
def test_the_smaller_of_bound_and_disk_decides(used: int, free: int, judged: Fullness) -> None:
    assert fullness(used, free, BOUND) is judged


def test_the_disk_is_asked(tmp_path: Path) -> None:
    assert free_bytes_of_disk(tmp_path) > 0
