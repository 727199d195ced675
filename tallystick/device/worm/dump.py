"""Verifies a dump of a fiscal memory, segment by segment, and names every break; nothing is written or repaired.

Whatever stands in the files, the outcome is a list of breaks: lengths are judged before anything is taken, a segment is
at most 16 MiB in memory, and behind damage the next record is found again by the link that proves it. One wrong record
is one break, since the chain goes on from the link that was written with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tallystick.crypto.certificates import DeviceCertificate
from tallystick.device.worm.breaks import DumpOutcome, Found, WormBreak, WormBreakCode
from tallystick.device.worm.counter import COUNTER_NAME, Count, read_count
from tallystick.device.worm.disk import Source
from tallystick.device.worm.dump_contents import Contents
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import (
    FLAG_SIMULATION,
    HEADER_BYTES,
    RECORD_BYTES_MAX,
    SegmentHeader,
    find_record,
    first_header,
    link_before,
    read_header,
    read_record,
    record_end,
    segment_name,
    segment_number,
)
from tallystick.wire.worm_contents import Seal

Progress = Callable[[int, int], None]
"""Bytes done, bytes in all."""
_SEARCHES_PER_SEGMENT = 32
"""How often a next record is looked for behind damage, so that a hostile dump costs seconds, not hours."""


def verify_dump(
    source: Source,
    *,
    found: Found,
    certificates: Sequence[DeviceCertificate] = (),
    kept: Sequence[Seal] = (),
    progress: Progress = lambda done, total: None,
) -> DumpOutcome:
    """Check a dump; ``certificates`` are those of the device, ``kept`` seals that were got by another way.

    Without certificates the signatures of seals are not judged, and the outcome says so. ``found`` gets each break in
    the order of the memory. Raises ``OSError`` as the system gives it, and nothing else.
    """
    return _Walk(source, found, certificates, kept, progress).run()


class _Walk:
    """One verification on its way."""

    def __init__(
        self,
        source: Source,
        found: Found,
        certificates: Sequence[DeviceCertificate],
        kept: Sequence[Seal],
        progress: Progress,
    ) -> None:
        self._source = source
        self._found = found
        self._progress = progress
        self._outcome = DumpOutcome()
        self._contents = Contents(self._outcome, certificates, kept, self._report)
        self._count: Count | None = None
        self._next = 1
        self._link = b""
        self._segment = ""
        self._searches = 0

    def run(self) -> DumpOutcome:
        """All segments in their order, then what they must add up to."""
        names = self._source.names()
        numbers = sorted(number for name in names if (number := segment_number(name)) is not None)
        sizes = {number: self._source.size(segment_name(number)) for number in numbers}
        self._read_counter(names)
        done, total = 0, sum(sizes.values())
        for position, number in enumerate(numbers):
            expected = numbers[position - 1] + 1 if position else 1
            if is_gap := number != expected:
                lost = f"{segment_name(expected)} to {segment_name(number - 1)}"
                self._report(WormBreakCode.SEGMENT_MISSING, self._next, lost, "")
            self._begin_segment(number, sizes[number], is_first=position == 0, is_gap=is_gap)
            self._walk_segment(number, is_last=position == len(numbers) - 1)
            done += sizes[number]
            self._progress(done, total)
        self._outcome.segments, self._outcome.is_empty = len(numbers), not numbers
        self._outcome.seq, self._outcome.link = self._next - 1, self._link
        self._finish()
        return self._outcome

    def _report(self, code: WormBreakCode, seq: int, place: str, detail: str) -> None:
        self._outcome.breaks += 1
        self._found(WormBreak(code, seq, place, detail))

    def _read_counter(self, names: list[str]) -> None:
        if COUNTER_NAME not in names:
            return
        try:
            self._count = read_count(self._source)
            detail = "" if self._count else "no slot of it is whole"
        except Fault as fault:
            detail = fault.detail
        if self._count is None:
            self._report(WormBreakCode.COUNTER, 0, COUNTER_NAME, detail)
            return
        self._outcome.counter = self._count.counter
        self._contents.watch(self._count)

    def _begin_segment(self, number: int, size: int, *, is_first: bool, is_gap: bool) -> None:
        name = self._segment = segment_name(number)
        if size > LIMITS.worm_segment_bytes:
            self._report(WormBreakCode.SEGMENT_LENGTH, self._next, name, f"{size:,} bytes")
        data = self._source.read(name, 0, HEADER_BYTES)
        try:
            header = read_header(data)
        except Fault as fault:
            self._report(WormBreakCode.HEADER, self._next, name, fault.detail)
            self._link = link_before(data, HEADER_BYTES) if is_first else self._link
            return
        self._check_header(header, number, is_first=is_first, is_gap=is_gap)
        self._next, self._link = header.first_seq, header.previous

    def _check_header(self, header: SegmentHeader, number: int, *, is_first: bool, is_gap: bool) -> None:
        outcome, place = self._outcome, self._segment
        if is_first:
            outcome.uid, outcome.is_simulation = header.uid, bool(header.flags & FLAG_SIMULATION)
            self._link = first_header(header.uid, header.flags).previous
            self._contents.begin(header.uid, place, self._link)
        elif header.uid != outcome.uid:
            self._report(WormBreakCode.OTHER_DEVICE, header.first_seq, place, f"{header.uid}, not {outcome.uid}")
        if header.number != number:
            self._report(WormBreakCode.HEADER, header.first_seq, place, f"it says number {header.number}")
        elif bool(header.flags & FLAG_SIMULATION) != outcome.is_simulation:
            self._report(WormBreakCode.HEADER, header.first_seq, place, "it has other flags than the first")
        elif not is_gap and (header.first_seq, header.previous) != (self._next, self._link):
            detail = f"it goes on with record {header.first_seq}"
            self._report(WormBreakCode.SEGMENT_LINK, self._next, place, detail)

    def _walk_segment(self, number: int, *, is_last: bool) -> None:
        data = self._source.read(self._segment, 0, LIMITS.worm_segment_bytes)
        offset, self._searches = HEADER_BYTES, 0
        while offset < len(data):
            if is_last and not any(data[offset : offset + 4]) and not data[offset:].strip(b"\0"):
                break  # room for more records
            offset = self._step(data, offset, number, is_last=is_last)

    def _step(self, data: bytes, offset: int, number: int, *, is_last: bool) -> int:
        """Judge what stands at an offset; where to go on."""
        place = f"{self._segment} byte {offset}"
        try:
            record, end = read_record(data, offset)
        except Fault as fault:
            return self._step_over(data, offset, fault.detail, is_last=is_last)
        if not record.follows(self._link):
            if find_record(data, offset, self._next, end) is not None:  # the length itself was changed
                return self._step_over(data, offset, "", is_last=is_last)
            if end == len(data) and is_last and self._was_never_told(self._next):
                return self._torn(data, offset)
            self._report(WormBreakCode.CHAIN, self._next, place, "")
        if record.seq != self._next:
            self._report(WormBreakCode.SEQUENCE, self._next, place, f"the record says {record.seq}")
        self._contents.take(record, number, offset, place, before=self._link)
        self._outcome.records += 1
        self._next, self._link = record.seq + 1, record.link
        return end

    def _step_over(self, data: bytes, offset: int, detail: str, *, is_last: bool) -> int:
        """Bytes that are no record: torn at the very end, or damage; the next record proves itself."""
        place = f"{self._segment} byte {offset}"
        self._searches += 1
        is_worth_it = self._searches <= _SEARCHES_PER_SEGMENT
        again = find_record(data, offset, self._next, len(data)) if is_worth_it else None
        if again is None:
            if is_last and len(data) - offset <= RECORD_BYTES_MAX and self._was_never_told(self._next):
                return self._torn(data, offset)
            again = len(data)
        after = read_record(data, again)[0].seq if again < len(data) else None
        lost = "the rest of the segment" if after is None else f"records {self._next} to {after - 1}"
        if record_end(data, offset) is None and any(data[offset : offset + 4]):
            length = int.from_bytes(data[offset : offset + 4], "big")
            self._report(WormBreakCode.RECORD_LENGTH, self._next, place, f"{length:,} bytes; {lost}")
        else:
            self._report(WormBreakCode.UNREADABLE, self._next, place, f"{detail or 'its length'}; {lost}")
        if after is not None:
            self._next, self._link = after, link_before(data, again)
        return again

    def _was_never_told(self, seq: int) -> bool:
        return self._count is None or self._count.counter < seq

    def _torn(self, data: bytes, offset: int) -> int:
        detail = f"{len(data) - offset} bytes, as a power cut leaves them; opening the memory cuts them"
        self._report(WormBreakCode.TORN, self._next, f"{self._segment} byte {offset}", detail)
        return len(data)

    def _finish(self) -> None:
        """Counter and kept seals against the end."""
        count, outcome = self._count, self._outcome
        if outcome.is_simulation and COUNTER_NAME not in self._source.names():
            self._report(WormBreakCode.COUNTER, 0, COUNTER_NAME, "there is none")
        if count is not None:
            if outcome.uid and count.uid != outcome.uid:
                self._report(WormBreakCode.OTHER_DEVICE, 0, COUNTER_NAME, f"{count.uid}, not {outcome.uid}")
            if count.counter > outcome.seq:
                detail = f"{count.counter} were counted, the last one here is {outcome.seq}"
                self._report(WormBreakCode.TAIL, outcome.seq + 1, COUNTER_NAME, detail)
        self._contents.finish()
