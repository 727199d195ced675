"""Segments and records of a fiscal memory: write-once files in which an offline register keeps all that it signed.

A segment begins with a header of 58 bytes: 0 magic ``TSW1``; 4 flags (u16, bit 0: a simulation); 6 UID; 14 segment's
number (u32, from 1); 18 number of its first record (u64, from 1); 26 ``R`` of the last record before it, or ``R_0``.
Records follow without a gap: ``u32 length`` of what follows, ``u64 number``, ``i64 time`` (Unix ms), ``u8 kind``,
bytes, ``R_n`` (32). All integers are big-endian. ``R_n`` covers number, time, kind and bytes (kernel.hashing).
"""

from __future__ import annotations

import re
import struct
from enum import IntEnum

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, worm_genesis, worm_link
from tallystick.kernel.limits import LIMITS

MAGIC = b"TSW1"
FLAG_SIMULATION = 1
_HEADER = struct.Struct(f">4sH8sIQ{HASH_BYTES}s")
HEADER_BYTES = _HEADER.size
LENGTH_BYTES = 4
_FRONT = struct.Struct(">IQqB")
_AROUND = _FRONT.size - LENGTH_BYTES + HASH_BYTES
RECORD_OVERHEAD_BYTES = _FRONT.size + HASH_BYTES
"""What a record takes beside its own bytes."""
RECORD_BYTES_MAX = RECORD_OVERHEAD_BYTES + LIMITS.worm_record_bytes
_UID = re.compile(rb"[A-Z0-9]{8}")
_NAME = re.compile(r"worm-([0-9]{6})\.seg", re.ASCII)
_RESYNC_RECORDS, _RESYNC_BYTES, _RESYNC_CANDIDATES = 64, 4 * 1024 * 1024, 1_000


class RecordKind(IntEnum):
    """What a record is. Documents and Z-reports are compact JWS, opaque here."""

    DOCUMENT = 1
    Z_REPORT = 2
    SEAL = 3
    ANCHOR = 4
    CUT = 5
    CLOSURE = 6
    NOTE = 7


_KINDS = {int(kind): kind for kind in RecordKind}


@attrs.frozen(slots=True, kw_only=True)
class SegmentHeader:
    """The head of a segment; ``previous`` has 32 bytes."""

    uid: str
    flags: int
    number: int
    first_seq: int
    previous: bytes


@attrs.frozen(slots=True, kw_only=True)
class Record:
    """One record as it stands there; ``link`` is the ``R_n`` that was written with it."""

    seq: int
    time_ms: int
    kind: RecordKind
    data: bytes
    link: bytes

    def follows(self, previous: bytes) -> bool:
        """Whether ``link`` is what number, time, kind and bytes give after the link before."""
        return self.link == worm_link(previous, self.seq, self.time_ms, self.kind, self.data)


def segment_name(number: int) -> str:
    """``worm-000001.seg``."""
    return f"worm-{number:06d}.seg"


def segment_number(name: str) -> int | None:
    """The number in a file's name; none for other files."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def write_header(header: SegmentHeader) -> bytes:
    """The 58 bytes."""
    return _HEADER.pack(
        MAGIC, header.flags, header.uid.encode("ascii"), header.number, header.first_seq, header.previous
    )


def read_header(data: bytes) -> SegmentHeader:
    """Read 58 bytes; raises ``TS-3203`` for another length, magic, flag, UID or number."""
    if len(data) != HEADER_BYTES:
        raise _damaged("a segment's header is cut")
    magic, flags, uid, number, first_seq, previous = _HEADER.unpack(data)
    if magic != MAGIC or flags & ~FLAG_SIMULATION or _UID.fullmatch(uid) is None:
        raise _damaged("a segment's header of another form")
    if not 1 <= number <= LIMITS.worm_segments or not 1 <= first_seq < 2**63:
        raise _damaged("a segment's header with impossible numbers")
    return SegmentHeader(uid=uid.decode("ascii"), flags=flags, number=number, first_seq=first_seq, previous=previous)


def first_header(uid: str, flags: int) -> SegmentHeader:
    """The head of the first segment of a device's memory."""
    return SegmentHeader(uid=uid, flags=flags, number=1, first_seq=1, previous=worm_genesis(uid, flags))


def write_record(previous: bytes, seq: int, time_ms: int, kind: RecordKind, data: bytes) -> tuple[bytes, bytes]:
    """The bytes of a record that follows the link ``previous``, and its own link; raises ``TS-3208`` beyond bounds."""
    if not 1 <= len(data) <= LIMITS.worm_record_bytes:
        raise Fault("TS-3208", detail=f"a record has 1 to {LIMITS.worm_record_bytes} bytes")
    if not -(2**63) <= time_ms < 2**63 or not 1 <= seq < 2**63:
        raise Fault("TS-3208", detail="a record's time or number is out of range")
    link = worm_link(previous, seq, time_ms, kind, data)
    return _FRONT.pack(_AROUND + len(data), seq, time_ms, kind) + data + link, link


def record_end(data: bytes, offset: int) -> int | None:
    """Where the record at ``offset`` ends by its length, which may be beyond ``data``; none for an impossible length.

    Nothing but the length is looked at. Less than four bytes give the end that the shortest record would have.
    """
    length = int.from_bytes(data[offset : offset + LENGTH_BYTES], "big")
    if len(data) - offset < LENGTH_BYTES:
        length = _AROUND + 1
    if not _AROUND < length <= _AROUND + LIMITS.worm_record_bytes:
        return None
    return offset + LENGTH_BYTES + length


def read_record(data: bytes, offset: int = 0) -> tuple[Record, int]:
    """The record at ``offset`` and where it ends; its link is not judged.

    Raises ``TS-3203``: length out of bounds (looked at before anything is taken), record cut short, unknown kind.
    """
    end = record_end(data, offset)
    if end is None:
        raise _damaged(f"impossible length of a record at byte {offset}")
    if end > len(data):
        raise _damaged(f"the record at byte {offset} is cut short")
    _, seq, time_ms, number = _FRONT.unpack_from(data, offset)
    kind = _KINDS.get(number)
    if kind is None:
        raise _damaged(f"unknown kind of record at byte {offset}")
    body_end = end - HASH_BYTES
    body = data[offset + _FRONT.size : body_end]
    return Record(seq=seq, time_ms=time_ms, kind=kind, data=body, link=data[body_end:end]), end


def link_before(data: bytes, offset: int) -> bytes:
    """The link that stands right before a record of a segment: that of the one before, or the header's."""
    return data[offset - HASH_BYTES : offset]


def find_record(data: bytes, start: int, after_seq: int, stop: int) -> int | None:
    """Where, between two offsets, one of the next records after number ``after_seq`` stands whole; none if nowhere.

    A record proves itself by the link right before it, so damage in front of it can be stepped over. The search is
    bounded in numbers, bytes and candidates.
    """
    stop = min(stop, start + _RESYNC_BYTES)
    candidates = 0
    for seq in range(after_seq + 1, after_seq + 1 + _RESYNC_RECORDS):
        sought = seq.to_bytes(8, "big")
        at = data.find(sought, start + LENGTH_BYTES, stop)
        while at >= 0 and candidates < _RESYNC_CANDIDATES:
            candidates += 1
            offset = at - LENGTH_BYTES
            if _stands_at(data, offset):
                return offset
            at = data.find(sought, at + 1, stop)
    return None


def _stands_at(data: bytes, offset: int) -> bool:
    try:
        record, _ = read_record(data, offset)
    except Fault:
        return False
    return offset >= HEADER_BYTES and record.follows(link_before(data, offset))


def _damaged(detail: str) -> Fault:
    return Fault("TS-3203", detail=detail)
