"""Replaces or removes a file so that a power cut leaves either the old state or the new one, never a part.

The order is the point: write beside, flush the bytes, rename over, flush the folder that holds the name.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Put `content` at `path` in one step; the folder must exist. `durable=False` keeps the step, not the flushes.

    Raises `OSError` as the operating system gave it (full disk, no rights); then `path` is what it was before.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """What stands at `path`; where nothing does, what `make` gives, mode 0600 and durable.

    Processes that ask at the same moment all read what the first of them made: a file that is there is never replaced.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_folder(path.parent)
    return path.read_bytes()


def remove_durably(path: Path) -> None:
    """Remove `path` if it is there, and make the removal survive a power cut."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder`: a new or renamed file is only durable once its name is."""
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
