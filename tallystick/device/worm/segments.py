"""Reading a memory's segments: one record by its number, or all from a number on, each checked to follow the last.

Of a closed segment only its header is kept; offsets are read again when they are needed, for a few segments at a time,
so two million records cost some kilobytes of memory.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator

import attrs

from tallystick.device.worm.disk import Source
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import HEADER_BYTES, Record, SegmentHeader, read_record, record_end, segment_name

_INDEXED_SEGMENTS = 4


@attrs.define(slots=True)
class _Offsets:
    starts: array[int]
    end: int = HEADER_BYTES


class Segments:
    """The segments of a memory whose headers were checked."""

    def __init__(self, source: Source, headers: list[SegmentHeader]) -> None:
        self._source = source
        self._headers = list(headers)
        self._firsts = array("Q", (header.first_seq for header in headers))
        self._indexed: OrderedDict[int, _Offsets] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, header: SegmentHeader) -> None:
        """A new segment, whose header is durable. Threads that read look for the number first."""
        self._firsts.append(header.first_seq)
        self._headers.append(header)

    def read(self, seq: int, last: int) -> Record:
        """A record of a memory that has those up to ``last``; what stands behind may be half written just now.

        Raises ``TS-3203`` when it does not stand there as it was written.
        """
        header = self._holding(seq)
        start, end = self._place(header, seq, last)
        data = self._source.read(segment_name(header.number), start - HASH_BYTES, end - start + HASH_BYTES)
        record, _ = read_record(data, HASH_BYTES)
        return _checked(record, seq, data[:HASH_BYTES])

    def records(self, from_seq: int, to_seq: int) -> Iterator[Record]:
        """The records of these numbers, both included; raises ``TS-3203`` at the first that does not follow."""
        seq = from_seq
        while seq <= to_seq:
            header = self._holding(seq)
            data = whole_segment(self._source, header.number)
            offset, previous = HEADER_BYTES, header.previous
            for expected in range(header.first_seq, self._last_of(header, to_seq) + 1):
                record, offset = read_record(data, offset)
                previous = _checked(record, expected, previous).link
                if expected >= seq:
                    yield record
            seq = self._last_of(header, to_seq) + 1

    def _last_of(self, header: SegmentHeader, to_seq: int) -> int:
        if header.number < len(self._headers):
            return min(self._firsts[header.number] - 1, to_seq)
        return to_seq

    def _holding(self, seq: int) -> SegmentHeader:
        return self._headers[bisect_right(self._firsts, seq) - 1]

    def _place(self, header: SegmentHeader, seq: int, last: int) -> tuple[int, int]:
        with self._lock:
            offsets = self._indexed.pop(header.number, None) or _Offsets(array("I"))
            self._indexed[header.number] = offsets
            while len(self._indexed) > _INDEXED_SEGMENTS:
                self._indexed.popitem(last=False)
            position = seq - header.first_seq
            if position >= len(offsets.starts):
                self._go_on(header, offsets, last - header.first_seq + 1)
            if position >= len(offsets.starts):
                raise Fault("TS-3203", detail=f"record {seq} is not in {segment_name(header.number)}")
            starts = offsets.starts
            return starts[position], starts[position + 1] if position + 1 < len(starts) else offsets.end

    def _go_on(self, header: SegmentHeader, offsets: _Offsets, most: int) -> None:
        """Note where records begin that stand behind those which are known, so many in all."""
        data = self._source.read(segment_name(header.number), offsets.end, LIMITS.worm_segment_bytes)
        at = 0
        while len(offsets.starts) < most and (end := record_end(data, at)) is not None and end <= len(data):
            offsets.starts.append(offsets.end)
            offsets.end += end - at
            at = end


def whole_segment(source: Source, number: int) -> bytes:
    """All bytes of a segment; raises ``TS-3203`` when it is longer than a segment may be."""
    name = segment_name(number)
    if source.size(name) > LIMITS.worm_segment_bytes:
        raise Fault("TS-3203", detail=f"{name} is longer than a segment may be")
    return source.read(name, 0, LIMITS.worm_segment_bytes)


def _checked(record: Record, seq: int, previous: bytes) -> Record:
    if record.seq != seq or not record.follows(previous):
        raise Fault("TS-3203", detail=f"record {seq} is not what was written")
    return record
