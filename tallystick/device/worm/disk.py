"""The seam between a fiscal memory and the disk: every write and flush passes here, so tests can cut power.

Writes and truncations may be lost, torn or reordered by a power cut until `flush` of that file returned, a new name
until `flush_folder` did. All methods raise ``OSError`` as the system gives it.
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import sync_folder

_OPEN_FILES = 8
_flush = getattr(os, "fdatasync", os.fsync)


class Source(Protocol):
    """The reading half: a flat folder of files."""

    def names(self) -> list[str]:
        """Names of all files, sorted."""

    def size(self, name: str) -> int:
        """Bytes of a file."""

    def read(self, name: str, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from an offset; less only at the end of the file."""


class Disk(Source, Protocol):
    """The writing half."""

    def create(self, name: str) -> None:
        """A new, empty file; its name is durable after `flush_folder`."""

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Put all of the bytes at an offset."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file."""

    def flush(self, name: str) -> None:
        """Return once a file's bytes and length are durable."""

    def flush_folder(self) -> None:
        """Return once new names are durable."""

    def close(self) -> None:
        """Let go of all files."""


class FolderSource:
    """A folder that is only read, such as a dump; it takes no lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """See `Source`."""
        with os.scandir(self.folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())

    def size(self, name: str) -> int:
        """See `Source`."""
        return (self.folder / name).stat().st_size

    def read(self, name: str, offset: int, length: int) -> bytes:
        """See `Source`. Opens the file for itself, so that threads may read beside one that writes."""
        handle = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            pieces = []
            while length > 0 and (piece := os.pread(handle, length, offset)):
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
            return b"".join(pieces)
        finally:
            os.close(handle)


class FolderDisk(FolderSource):
    """The real one. Holds the folder alone: a memory that two programs write would fork."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; raises ``TS-3205`` when another program holds it, ``TS-3200`` when there is none."""
        super().__init__(folder)
        self._open: OrderedDict[str, int] = OrderedDict()
        try:
            self._lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Fault("TS-3200", detail=f"{folder}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Fault("TS-3205", detail=f"{folder} is in use") from error

    def create(self, name: str) -> None:
        """See `Disk`."""
        self._remember(name, os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def write(self, name: str, offset: int, data: bytes) -> None:
        """See `Disk`."""
        handle = self._handle(name)
        view = memoryview(data)
        while view:
            written = os.pwrite(handle, view, offset)
            view, offset = view[written:], offset + written

    def truncate(self, name: str, size: int) -> None:
        """See `Disk`."""
        os.ftruncate(self._handle(name), size)

    def flush(self, name: str) -> None:
        """See `Disk`."""
        _flush(self._handle(name))

    def flush_folder(self) -> None:
        """See `Disk`."""
        sync_folder(self.folder)

    def close(self) -> None:
        """See `Disk`; the lock goes with it."""
        while self._open:
            os.close(self._open.popitem()[1])
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _handle(self, name: str) -> int:
        handle = self._open.get(name)
        if handle is None:
            handle = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)
            self._remember(name, handle)
        return handle

    def _remember(self, name: str, handle: int) -> None:
        self._open[name] = handle
        while len(self._open) > _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
