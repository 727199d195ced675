"""Where a memory ends after a start, and whether a power cut explains what stands behind its last whole record.

A torn record can only be one that was never acknowledged: the last, not counted, covered by no seal, with no whole
record behind it. Anything else that is not whole is damage and is never cut. Zeros behind the last record of the last
segment are room for more, not torn bytes.
"""

from __future__ import annotations

import attrs

from tallystick.device.worm.counter import Count, read_count
from tallystick.device.worm.disk import Source
from tallystick.device.worm.segments import Segments, whole_segment
from tallystick.device.worm.tally import Tally
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.wire.worm import (
    HEADER_BYTES,
    RECORD_BYTES_MAX,
    SegmentHeader,
    find_record,
    first_header,
    read_header,
    read_record,
    segment_name,
    segment_number,
)


@attrs.frozen(slots=True, kw_only=True)
class End:
    """What was found.

    ``position`` is where the next record goes in the last segment; ``tail`` what stands there, torn by a power cut.
    ``unborn`` is a header that must be written before anything else: its segment is missing, or torn at its birth.
    """

    count: Count
    headers: list[SegmentHeader]
    seq: int
    link: bytes
    position: int
    tail: bytes
    tally: Tally
    unborn: SegmentHeader | None


@attrs.define(slots=True)
class _Scan:
    seq: int
    link: bytes
    end: int
    tail: bytes


def find_end(source: Source, uid: str, flags: int) -> End:
    """Find the end; nothing is written.

    Raises ``TS-3200`` (nothing was ever begun here), ``TS-3204`` (another device's), ``TS-3203`` (damaged).
    """
    count = read_count(source)
    numbers = sorted(number for name in source.names() if (number := segment_number(name)) is not None)
    if count is None:
        if numbers:
            raise Fault("TS-3203", detail="segments without their counter")
        raise Fault("TS-3200", detail="no fiscal memory was begun here")
    if count.uid != uid:
        raise Fault("TS-3204", detail=f"the memory is that of {count.uid}")
    headers = _headers(source, numbers, first_header(uid, flags))
    scan, tally = _scanned(source, headers)
    if scan is None:
        unborn: SegmentHeader | None = first_header(uid, flags)
        scan = _Scan(0, first_header(uid, flags).previous, HEADER_BYTES, b"")
    else:
        unborn = _torn_birth(source, headers, numbers, scan)
    _judge(source, headers, scan, count)
    return End(
        count=count,
        headers=headers,
        seq=scan.seq,
        link=scan.link,
        position=scan.end,
        tail=scan.tail,
        tally=tally,
        unborn=unborn,
    )


def _headers(source: Source, numbers: list[int], first: SegmentHeader) -> list[SegmentHeader]:
    """All headers, each following the segment before; that of a last segment which was torn at birth is left out."""
    if numbers != list(range(1, len(numbers) + 1)):
        raise Fault("TS-3203", detail="a segment is missing")
    headers: list[SegmentHeader] = []
    for number in numbers:
        try:
            headers.append(_header(source, number, headers[-1] if headers else None, first))
        except Fault:
            if number == len(numbers) and not any(whole_segment(source, number)[HEADER_BYTES:]):
                break
            raise
    return headers


def _header(source: Source, number: int, before: SegmentHeader | None, first: SegmentHeader) -> SegmentHeader:
    name = segment_name(number)
    header = read_header(source.read(name, 0, HEADER_BYTES))
    if header.uid != first.uid:
        raise Fault("TS-3204", detail=f"{name} is of {header.uid}")
    if before is None:
        is_next = header == first
    else:
        previous = _last_link(source, before)
        expected = attrs.evolve(before, number=number, first_seq=header.first_seq, previous=previous)
        is_next = header == expected and header.first_seq > before.first_seq
    if not is_next:
        raise Fault("TS-3203", detail=f"{name} does not follow the segment before")
    return header


def _last_link(source: Source, header: SegmentHeader) -> bytes:
    name = segment_name(header.number)
    return source.read(name, source.size(name) - HASH_BYTES, HASH_BYTES)


def _scanned(source: Source, headers: list[SegmentHeader]) -> tuple[_Scan | None, Tally]:
    """Walk the last segment, and as many before it as it takes to find the last seal."""
    behind: list[Tally] = []
    end: _Scan | None = None
    for header in reversed(headers):
        tally = Tally()
        scan = _scan(whole_segment(source, header.number), header, tally)
        if end is None:
            end = scan
        elif scan.end < source.size(segment_name(header.number)):
            raise Fault("TS-3203", detail=f"{segment_name(header.number)} does not end with a whole record")
        behind.append(tally)
        if tally.last_seal is not None:
            break
    total = Tally()
    for tally in reversed(behind):
        sealed = tally.last_seal is not None
        total.unsealed = tally.unsealed if sealed else total.unsealed + tally.unsealed
        total.last_seal = tally.last_seal if sealed else total.last_seal
        total.closed = total.closed or tally.closed
    return end, total


def _scan(data: bytes, header: SegmentHeader, tally: Tally) -> _Scan:
    scan = _Scan(header.first_seq - 1, header.previous, HEADER_BYTES, b"")
    while scan.end < len(data):
        try:
            record, end = read_record(data, scan.end)
        except Fault:
            break
        if record.seq != scan.seq + 1 or not record.follows(scan.link):
            break
        tally.take(record.kind, record.data)
        scan.seq, scan.link, scan.end = record.seq, record.link, end
    scan.tail = data[scan.end :].rstrip(b"\0")
    behind = find_record(data, scan.end, scan.seq + 1, len(data)) if scan.tail else None
    if behind is not None or len(scan.tail) > RECORD_BYTES_MAX:
        raise Fault("TS-3203", detail=f"record {scan.seq + 1} is damaged, and others stand behind it")
    return scan


def _torn_birth(source: Source, headers: list[SegmentHeader], numbers: list[int], scan: _Scan) -> SegmentHeader | None:
    if len(headers) == len(numbers):
        return None
    last = headers[-1]
    if scan.end < source.size(segment_name(last.number)):
        raise Fault("TS-3203", detail="a segment was begun behind a record that is not whole")
    return attrs.evolve(last, number=last.number + 1, first_seq=scan.seq + 1, previous=scan.link)


def _judge(source: Source, headers: list[SegmentHeader], scan: _Scan, count: Count) -> None:
    """Hold the records against the count: none that was counted may be missing or another."""
    if count.counter > scan.seq:
        raise Fault("TS-3203", detail=f"{count.counter} records were counted, and only {scan.seq} are whole")
    known = scan.link if count.counter == scan.seq else _link_at(source, headers, count.counter)
    if known != count.link:
        raise Fault("TS-3203", detail=f"record {count.counter} is another than was counted")


def _link_at(source: Source, headers: list[SegmentHeader], seq: int) -> bytes:
    return Segments(source, headers).read(seq, seq).link if seq else headers[0].previous
