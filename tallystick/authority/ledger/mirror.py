"""The second copy of the ledger: append-only files that the sequencer writes and flushes before each commit.

A file `<first index, 20 digits>.seg` begins with a header {magic, first index} and holds frames `u32 length, u8 kind,
payload` (big endian): B a batch begins {batch, first index, count}, E an entry {index, leaf, salt, record, body},
G a taxpayer's sequence begins {salt, TIN}, before his first document, P the salt of the next entry's commitment to its
buyer {index, salt}, S a signed checkpoint, written once the batch before it is committed and signed. Entries that lie
beyond the tree in the tables, with no S behind them, are those of a commit that never happened. With G and P the
tables can be made again from the mirror (`replay`). P goes with the body, which names the buyer in clear.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tallystick.kit.atomic_file import sync_folder
from tallystick.wire.leaf import LEAF_BYTES

SEGMENT_BYTES = 64 * 2**20
MAGIC = b"TSM1"
_HEADER = struct.Struct(">4sQ")
HEADER_BYTES = _HEADER.size
_FRAME = struct.Struct(">IB")
_BATCH = struct.Struct(">QQI")
_ENTRY = struct.Struct(f">IBQ{LEAF_BYTES}s32sI")
_ENTRY_FIXED = 8 + LEAF_BYTES + 32 + 4
_SALT_BYTES = 32
_BUYER = struct.Struct(f">Q{_SALT_BYTES}s")
_KIND_BATCH, _KIND_ENTRY, _KIND_GENESIS, _KIND_BUYER, _KIND_SEAL = (ord(kind) for kind in "BEGPS")

flush_file = getattr(os, "fdatasync", os.fsync)
"""Makes what was written to a file survive a power cut; a failure is final, never tried again."""


class MirrorDamaged(Exception):
    """A mirror file is not what this program wrote; the message says where."""


class MirrorEntry(NamedTuple):
    """One entry as the mirror keeps it."""

    log_index: int
    leaf: bytes
    salt: bytes
    record: bytes
    body: bytes


class Frame(NamedTuple):
    """One frame and where it ends in its file; by its kind one of the others is set."""

    end: int
    entry: MirrorEntry | None = None
    batch: tuple[int, int, int] | None = None
    note: bytes | None = None
    genesis: tuple[str, bytes] | None = None
    buyer: tuple[int, bytes] | None = None


def entry_frame(index: int, leaf: bytes, salt: bytes, record: bytes, body: bytes) -> tuple[bytes, bytes, bytes]:
    """The pieces of an entry's frame."""
    length = 1 + _ENTRY_FIXED + len(record) + len(body)
    return _ENTRY.pack(length, _KIND_ENTRY, index, leaf, salt, len(record)), record, body


def batch_frame(batch: int, first_index: int, count: int) -> bytes:
    """The frame that begins a batch."""
    return _FRAME.pack(1 + _BATCH.size, _KIND_BATCH) + _BATCH.pack(batch, first_index, count)


def genesis_frame(tin: str, salt: bytes) -> bytes:
    """The frame of a taxpayer's beginning: the salt (32 bytes) from which his first link is made."""
    return _FRAME.pack(1 + _SALT_BYTES + len(tin), _KIND_GENESIS) + salt + tin.encode("ascii")


def buyer_frame(index: int, salt: bytes) -> bytes:
    """The frame of the salt (32 bytes) of an entry's commitment to its buyer; it stands right before the entry's."""
    return _FRAME.pack(1 + _BUYER.size, _KIND_BUYER) + _BUYER.pack(index, salt)


def seal_frame(note: bytes) -> bytes:
    """The frame of a signed checkpoint."""
    return _FRAME.pack(1 + len(note), _KIND_SEAL) + note


def segments(folder: Path) -> list[Path]:
    """The files of a mirror, oldest first."""
    return sorted(path for path in folder.glob("*.seg") if path.stem.isdigit())


def first_index_of(segment: Path) -> int:
    """The index of the first entry that a file can hold, by its name."""
    return int(segment.stem)


def read_frames(segment: Path) -> Iterator[Frame]:
    """The whole frames of a file; a torn one at the end is left out. Raises ``MirrorDamaged`` for anything else."""
    with segment.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        if header != _HEADER.pack(MAGIC, first_index_of(segment)):
            raise MirrorDamaged(f"{segment.name}: header")
        end = _HEADER.size
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            length, kind = _FRAME.unpack(head)
            payload = file.read(length - 1) if length else b""
            if len(payload) < length - 1:
                return
            end += 4 + length
            yield _frame(end, kind, payload, segment)


def _frame(end: int, kind: int, payload: bytes, segment: Path) -> Frame:
    if kind == _KIND_ENTRY and len(payload) >= _ENTRY_FIXED:
        index, (split,) = int.from_bytes(payload[:8], "big"), struct.unpack_from(">I", payload, _ENTRY_FIXED - 4)
        leaf, salt = payload[8 : 8 + LEAF_BYTES], payload[8 + LEAF_BYTES : 40 + LEAF_BYTES]
        record, body = payload[_ENTRY_FIXED : _ENTRY_FIXED + split], payload[_ENTRY_FIXED + split :]
        return Frame(end, entry=MirrorEntry(index, leaf, salt, record, body))
    if kind == _KIND_BATCH and len(payload) == _BATCH.size:
        return Frame(end, batch=_BATCH.unpack(payload))
    if kind == _KIND_GENESIS and len(payload) >= _SALT_BYTES and payload[_SALT_BYTES:].isascii():
        return Frame(end, genesis=(payload[_SALT_BYTES:].decode("ascii"), payload[:_SALT_BYTES]))
    if kind == _KIND_BUYER and len(payload) == _BUYER.size:
        return Frame(end, buyer=_BUYER.unpack(payload))
    if kind == _KIND_SEAL:
        return Frame(end, note=payload)
    raise MirrorDamaged(f"{segment.name}: a frame before byte {end}")


class Mirror:
    """The open end of the mirror. Every method may raise ``OSError``: the process must end then, and start anew."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._file = -1
        self._position = 0
        self._unconfirmed: int | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if existing := segments(folder):
            self._open(existing[-1])

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def append(self, batch: int, first_index: int, count: int, frames: Sequence[bytes]) -> None:
        """Write a batch and flush it."""
        if self._file < 0 or self._position > self._segment_bytes:
            self._start_segment(first_index)
        self._unconfirmed = self._position
        self._write(b"".join((batch_frame(batch, first_index, count), *frames)))
        flush_file(self._file)

    def confirm(self) -> None:
        """The batch that was appended last is committed."""
        self._unconfirmed = None

    def rewind(self) -> None:
        """Take back the batch that was appended last, if its commit was refused."""
        if self._unconfirmed is not None:
            os.ftruncate(self._file, self._unconfirmed)
            self._position, self._unconfirmed = self._unconfirmed, None

    def seal(self, note: bytes) -> None:
        """Write the signed checkpoint of a committed batch; it is flushed with the next one."""
        self._write(seal_frame(note))

    def cut(self, segment: Path, end: int) -> Path:
        """Cut the newest file at ``end`` and keep the rest as ``.orphan``; returns the path of what was kept."""
        self.close()
        content = segment.read_bytes()
        number = sum(1 for _ in self._folder.glob(f"{segment.stem}*.orphan"))
        orphan = self._folder / f"{segment.stem}-{number}.orphan"
        with orphan.open("xb") as file:
            file.write(content[end:])
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self._folder)
        os.truncate(segment, end)
        self._open(segment)
        flush_file(self._file)
        return orphan

    def _start_segment(self, first_index: int) -> None:
        self.close()
        path = self._folder / f"{first_index:020d}.seg"
        self._open(path)
        sync_folder(self._folder)

    def _open(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._position = os.fstat(self._file).st_size
        if self._position < HEADER_BYTES:  # new, or torn by a power cut before anything else was written
            os.ftruncate(self._file, 0)
            self._position = 0
            self._write(_HEADER.pack(MAGIC, first_index_of(path)))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            view = view[written:]
        self._position += len(data)
