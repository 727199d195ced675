"""The seam between a card's memory and the disk: writes and flushes pass here, so tests can cut power."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

from tallystick.device.secure_element.port import CardInUse, CardUnavailable


class Disk(Protocol):
    """A file of fixed size. Raises `OSError` as the system gives it."""

    def read(self) -> bytes:
        """All bytes."""

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at an offset; they may be lost or torn by a power cut until `sync` returns."""

    def sync(self) -> None:
        """Return once everything written is durable."""

    def close(self) -> None:
        """Let go of the file."""


class FileDisk:
    """The real one. Holds the file alone: a card that two programs use would count twice."""

    def __init__(self, path: Path) -> None:
        """Open; raises `CardUnavailable` when the file is missing and `CardInUse` when another program holds it."""
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise CardUnavailable(f"no card memory: {error}") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            raise CardInUse(f"{path}: another program holds this card") from error

    def read(self) -> bytes:
        """All bytes."""
        return os.pread(self._handle, os.fstat(self._handle).st_size, 0)

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at an offset, all of them."""
        if os.pwrite(self._handle, data, offset) != len(data):
            raise OSError("the disk took only a part of the write")

    def sync(self) -> None:
        """Flush the data; the size never changes, so the file's own record need not be flushed."""
        _flush(self._handle)

    def close(self) -> None:
        """Close the file, which gives the lock back."""
        os.close(self._handle)


_flush = getattr(os, "fdatasync", os.fsync)
