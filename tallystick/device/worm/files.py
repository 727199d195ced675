"""Beginning and opening a file memory in a folder, with the key that plays the memory's own identity."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tallystick.crypto.keys import generate_p256_key, load_private_key, store_private_key
from tallystick.device.worm.disk import FolderDisk
from tallystick.device.worm.file_memory import CAPACITY, FileMemory
from tallystick.device.worm.port import Capacity
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_uid
from tallystick.kit.atomic_file import sync_folder

KEY_NAME = "worm.key"


def begin_memory(folder: Path, uid: str, capacity: Capacity = CAPACITY) -> None:
    """Begin the memory of a device, once in its life; the folder is made where it is missing.

    Raises ``TS-3209`` where one was begun before, ``TS-3205`` when another program is at it, ``TS-1313`` for a UID
    that is none.
    """
    parse_uid(uid)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sync_folder(folder.parent)
    disk = FolderDisk(folder)
    try:
        if not (folder / KEY_NAME).exists():
            store_private_key(folder / KEY_NAME, generate_p256_key())
        FileMemory.begin(disk, uid, capacity)
    finally:
        disk.close()


def open_memory(folder: Path, uid: str, at: datetime) -> FileMemory:
    """Open it; ``at`` is the time of the record of a cut, where a power cut makes one necessary.

    Raises ``TS-3200`` (none was begun), ``TS-3203`` (damaged), ``TS-3204`` (another device's), ``TS-3205`` (in use).
    """
    disk = FolderDisk(folder)
    try:
        if not (folder / KEY_NAME).exists():
            raise Fault("TS-3200", detail=f"no {KEY_NAME} in {folder}")
        return FileMemory.opened(disk, uid, load_private_key(folder / KEY_NAME), at)
    except BaseException:
        disk.close()
        raise
