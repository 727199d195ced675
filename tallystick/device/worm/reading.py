"""A copy of a memory that is only read: its records as lines for people, its last seal to keep elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.device.worm.disk import Source
from tallystick.device.worm.recovery import End, find_end
from tallystick.device.worm.segments import Segments
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.worm import HEADER_BYTES, Record, RecordKind, read_header, segment_name
from tallystick.wire.worm_contents import read_anchor, read_cut, read_note, read_seal

_TEXT_BYTES = 60


class ReadOnlyMemory:
    """Finds the end as opening does, and writes nothing. Raises ``TS-3200``, ``TS-3203`` as opening does."""

    def __init__(self, source: Source) -> None:
        name = segment_name(1)
        if name not in source.names():
            raise Fault("TS-3200", detail=f"no {name} in this folder")
        header = read_header(source.read(name, 0, HEADER_BYTES))
        self._end: End = find_end(source, header.uid, header.flags)
        self._segments = Segments(source, self._end.headers)

    def read(self, seq: int) -> Record:
        """One record; raises ``TS-3200`` when there is none of that number."""
        if not 1 <= seq <= self._end.seq:
            raise Fault("TS-3200", detail=f"there is no record {seq}")
        return self._segments.read(seq, self._end.seq)

    def records(self) -> Iterator[Record]:
        """All records in their order."""
        return self._segments.records(1, self._end.seq)

    def last_seal(self) -> bytes:
        """The bytes of the last seal; raises ``TS-3200`` when the memory was never sealed."""
        statement = self._end.tally.last_seal
        if statement is None:
            raise Fault("TS-3200", detail="the memory was never sealed")
        return self.read(statement.seq + 1).data

    def heading(self) -> str:
        """Whose memory it is and where it ends."""
        end = self._end
        torn = f"; {len(end.tail)} torn bytes behind" if end.tail else ""
        size = f"{end.seq} records in {len(end.headers)} segments"
        return f"memory of {end.count.uid}: {size}, {end.tally.unsealed} since the last seal{torn}"

    def lines(self, from_seq: int, count: int) -> Iterator[str]:
        """One line a record: number, time, kind, length, what it says."""
        for record in self._segments.records(from_seq, min(self._end.seq, from_seq + count - 1)):
            kind = record.kind.name.lower().replace("_", "-")
            yield f"{record.seq:>9} {_moment(record.time_ms)} {kind:<8} {len(record.data):>6} {_content(record)}"


def _moment(time_ms: int) -> str:
    try:
        return f"{from_unix_ms(time_ms):%Y-%m-%dT%H:%M:%S.%fZ}"
    except Fault:
        return f"{time_ms} ms"


def _content(record: Record) -> str:
    if record.kind is RecordKind.SEAL:
        seal = read_seal(record.data).statement
        return f"up to record {seal.seq}, card {seal.card_counter}, {seal.link.hex()[:16]}"
    if record.kind is RecordKind.ANCHOR:
        anchor = read_anchor(record.data)
        return f"up to record {anchor.seq}, log index {anchor.log_index}"
    if record.kind is RecordKind.CUT:
        cut = read_cut(record.data)
        return f"{cut.length} torn bytes at byte {cut.offset}, {cut.digest.hex()[:16]}"
    if record.kind is RecordKind.NOTE:
        note = read_note(record.data)
        return f"{note.kind.name.lower().replace('_', '-')}, clock before {_moment(note.before_ms)} {note.text!r}"
    return repr(record.data[:_TEXT_BYTES].decode("ascii", "backslashreplace"))
