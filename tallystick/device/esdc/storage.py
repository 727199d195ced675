"""How full a store is, measured at its own bound and at the disk it lies on (S2-128, S2-129)."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

from tallystick.device.esdc.settings import Storage


class Fullness(IntEnum):
    """What the fill level means: nothing, a warning (1100) and audits, or no more signing."""

    ROOM = 0
    ALMOST_FULL = 1
    FULL = 2


FreeBytes = Callable[[Path], int]


def free_bytes_of_disk(folder: Path) -> int:
    """What an ordinary program may still write on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def fullness(used_bytes: int, disk_free_bytes: int, storage: Storage) -> Fullness:
    """Judge a store that uses so many bytes: the room is the smaller of its bound and what the disk gives."""
    room = room_bytes(used_bytes, disk_free_bytes, storage)
    if used_bytes * 100 >= room * storage.full_per_cent:
        return Fullness.FULL
    if used_bytes * 100 >= room * storage.almost_full_per_cent:
        return Fullness.ALMOST_FULL
    return Fullness.ROOM


def room_bytes(used_bytes: int, disk_free_bytes: int, storage: Storage) -> int:
    """What the store may fill in all: the smaller of its bound and what the disk gives."""
    return min(storage.store_bytes_max, used_bytes + max(disk_free_bytes - storage.disk_reserve_bytes, 0))


def invoices_left(used_bytes: int, disk_free_bytes: int, sale_bytes: int, storage: Storage) -> int:
    """How many more sales of that size fit before the store counts as full (S2-128, S2-129)."""
    full = room_bytes(used_bytes, disk_free_bytes, storage) * storage.full_per_cent // 100
    return max(full - used_bytes, 0) // max(sale_bytes, 1)
