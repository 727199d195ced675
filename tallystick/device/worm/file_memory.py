"""The file form of a fiscal memory: segments, the counter beside them, and a key of its own.

It says of itself that it is a simulation, in its passport and, under the chain of all records, in each segment: who
can write files can also remove them all. What it proves is the contract and the bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs

from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.signatures import sign_es256
from tallystick.device.worm.counter import Count, CounterFile, read_count
from tallystick.device.worm.disk import Disk
from tallystick.device.worm.port import Capacity, Head, Passport, Sign, State
from tallystick.device.worm.recovery import End, find_end
from tallystick.device.worm.segment_writer import LAYOUT, Layout, SegmentWriter
from tallystick.device.worm.segments import Segments
from tallystick.device.worm.tally import SALES, Tally
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import (
    FLAG_SIMULATION,
    Record,
    RecordKind,
    SegmentHeader,
    first_header,
    write_record,
)
from tallystick.wire.worm_contents import (
    Anchor,
    Cut,
    Note,
    Seal,
    SealStatement,
    SignedHead,
    head_text,
    seal_text,
    write_anchor,
    write_cut,
    write_note,
    write_seal,
)

PASSPORT = Passport(maker="Tallystick", model="file form", is_simulation=True)
CAPACITY = Capacity(records=LIMITS.worm_records, data_bytes=LIMITS.worm_bytes)
ALMOST_FULL_PERCENT = 90


class FileMemory:
    """See `WriteOnceMemory` (port.py)."""

    def __init__(self, disk: Disk, identity: PrivateKey, end: End, layout: Layout) -> None:
        self._disk = disk
        self._key = identity
        self._uid = end.count.uid
        self._counter = CounterFile.opened(disk, end.count)
        self._segments = Segments(disk, end.headers)
        self._tally: Tally = end.tally
        self._writer = SegmentWriter(disk, layout, end.headers, end.position)
        self._head = Head(seq=end.seq, link=end.link, segment=self._writer.number, counter=end.seq)
        self._failed = False
        self._lock = threading.RLock()

    @classmethod
    def begin(cls, disk: Disk, uid: str, capacity: Capacity = CAPACITY) -> None:
        """Begin a memory on an empty disk; raises ``TS-3209`` where one was begun before."""
        try:
            count = read_count(disk)
        except Fault:
            raise Fault("TS-3209", detail="a fiscal memory was begun here") from None
        if count is not None or any(name.endswith(".seg") for name in disk.names()):
            raise Fault("TS-3209", detail="a fiscal memory was begun here")
        genesis = first_header(uid, FLAG_SIMULATION).previous
        CounterFile(disk, Count(uid=uid, capacity=capacity, counter=0, link=genesis)).begin()

    @classmethod
    def opened(cls, disk: Disk, uid: str, identity: PrivateKey, at: datetime, *, layout: Layout = LAYOUT) -> FileMemory:
        """Open a memory that was begun, find its end, and put right what a power cut left.

        A torn record is cut, and the cut is written as a record in its place: until that is durable the torn bytes
        still stand there, so no cut goes without its record. Raises ``TS-3200``, ``TS-3203``, ``TS-3204``, ``TS-3206``.
        """
        try:
            end = find_end(disk, uid, FLAG_SIMULATION)
        except OSError as error:
            raise Fault("TS-3206", detail=str(error.strerror)) from error
        memory = cls(disk, identity, end, layout)
        if memory._is_at_rest and not end.tail:
            return memory
        with memory._writing():
            if end.unborn is not None:
                memory._start_segment(end.unborn)
            if end.tail:
                memory._cut(end.tail, at)
            with memory._doubtful():
                memory._counter.raise_to(memory._head.seq, memory._head.link)
                memory._counter.flush()
        return memory

    @property
    def uid(self) -> str:
        """See `WriteOnceMemory`."""
        return self._uid

    @property
    def passport(self) -> Passport:
        """See `WriteOnceMemory`; there is no way to say otherwise."""
        return PASSPORT

    @property
    def is_simulation(self) -> bool:
        """See `WriteOnceMemory`: always."""
        return PASSPORT.is_simulation

    @property
    def identity(self) -> PublicKey:
        """See `WriteOnceMemory`."""
        return self._key.public

    @property
    def head(self) -> Head:
        """See `WriteOnceMemory`."""
        return self._head

    @property
    def state(self) -> State:
        """See `WriteOnceMemory`."""
        capacity, tally = self._counter.capacity, self._tally
        return State(
            records=self._head.seq,
            data_bytes=self._writer.data_bytes,
            capacity=capacity,
            almost_full=self._reaches(
                capacity.records * ALMOST_FULL_PERCENT // 100, capacity.data_bytes * ALMOST_FULL_PERCENT // 100
            ),
            full=self._reaches(capacity.records, capacity.data_bytes),
            closed=tally.closed,
            unsealed=tally.unsealed,
            seal_due=tally.seal_due,
            last_seal=tally.last_seal,
        )

    def append(self, kind: RecordKind, data: bytes, at: datetime) -> int:
        """See `WriteOnceMemory`."""
        if kind not in SALES:
            raise Fault("TS-3208", detail=f"{kind.name} has a verb of its own")
        with self._writing():
            self._refuse_closed()
            if self._tally.seal_due:
                raise Fault("TS-3207", detail=f"{self._tally.unsealed} records are not sealed")
            self._refuse_full(sale=kind is RecordKind.DOCUMENT)
            return self._put(kind, data, at)

    def anchor(self, answer: Anchor, at: datetime) -> int:
        """See `WriteOnceMemory`."""
        if not 0 <= answer.seq <= self._head.seq:
            raise Fault("TS-3208", detail="an anchor for records that are not there")
        return self._event(RecordKind.ANCHOR, write_anchor(answer), at)

    def note(self, event: Note, at: datetime) -> int:
        """See `WriteOnceMemory`."""
        return self._event(RecordKind.NOTE, write_note(event), at)

    def seal(self, card_counter: int, sign: Sign, at: datetime) -> int:
        """See `WriteOnceMemory`."""
        with self._writing():
            if self._is_at_rest:
                raise Fault("TS-3202")
            return self._seal(card_counter, sign, at)

    def close_for_ever(self, document: bytes, card_counter: int, sign: Sign, at: datetime) -> int:
        """See `WriteOnceMemory`."""
        with self._writing():
            self._refuse_going_back(card_counter)
            if not self._tally.closed:
                self._put(RecordKind.CLOSURE, document, at)
            elif self._is_at_rest:
                raise Fault("TS-3202")
            seq = self._seal(card_counter, sign, at)
            with self._doubtful():
                self._writer.trim()
            return seq

    def signed_head(self, challenge: bytes) -> SignedHead:
        """See `WriteOnceMemory`."""
        head = self._head
        unsigned = SignedHead(uid=self._uid, counter=head.counter, link=head.link, challenge=challenge)
        return attrs.evolve(unsigned, signature=sign_es256(self._key, head_text(unsigned)))

    def read(self, seq: int) -> Record:
        """See `WriteOnceMemory`."""
        if not 1 <= seq <= self._head.seq:
            raise Fault("TS-3200", detail=f"there is no record {seq}")
        with _reading():
            return self._segments.read(seq, self._head.seq)

    def records(self, from_seq: int = 1) -> Iterator[Record]:
        """See `WriteOnceMemory`."""
        return self._read_on(max(from_seq, 1), self._head.seq)

    def _read_on(self, from_seq: int, to_seq: int) -> Iterator[Record]:
        with _reading():
            yield from self._segments.records(from_seq, to_seq)

    def release(self) -> None:
        """See `WriteOnceMemory`."""
        with self._lock:
            try:
                if not self._failed and not self._is_at_rest:
                    with self._doubtful():
                        self._writer.trim()
                        self._counter.flush()
            finally:
                self._failed = True
                self._disk.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time; a medium that fails once is not written again (security 6.8)."""
        with self._lock:
            if self._failed:
                raise Fault("TS-3206", detail="the memory must be opened anew")
            yield

    @property
    def _is_at_rest(self) -> bool:
        """Whether closure and last seal are written: then not one byte is written any more."""
        return self._tally.closed and self._tally.unsealed == 0

    def _event(self, kind: RecordKind, data: bytes, at: datetime) -> int:
        with self._writing():
            self._refuse_closed()
            self._refuse_full(sale=False)
            return self._put(kind, data, at)

    def _refuse_closed(self) -> None:
        if self._tally.closed:
            raise Fault("TS-3202")

    def _refuse_going_back(self, card_counter: int) -> None:
        last = self._tally.last_seal
        if last is not None and card_counter < last.card_counter:
            raise Fault("TS-3209", detail=f"the last seal says {last.card_counter}, the card now {card_counter}")

    def _refuse_full(self, *, sale: bool) -> None:
        capacity = self._counter.capacity
        more_records, more_bytes = (0, 0) if sale else (LIMITS.worm_reserve_records, LIMITS.worm_reserve_bytes)
        if self._reaches(capacity.records + more_records, capacity.data_bytes + more_bytes):
            raise Fault("TS-3201", detail=f"{self._head.seq} records")

    def _reaches(self, records: int, data_bytes: int) -> bool:
        return self._head.seq >= records or self._writer.data_bytes >= data_bytes

    def _seal(self, card_counter: int, sign: Sign, at: datetime) -> int:
        self._refuse_going_back(card_counter)
        head = self._head
        statement = SealStatement(
            uid=self._uid, seq=head.seq, link=head.link, segment=head.segment, card_counter=card_counter
        )
        signature = sign(seal_text(statement))
        seq = self._put(RecordKind.SEAL, write_seal(Seal(statement=statement, signature=signature)), at)
        with self._doubtful():
            self._counter.flush()
        return seq

    def _put(self, kind: RecordKind, data: bytes, at: datetime) -> int:
        """Write behind the last record and flush; the record is durable before it is counted, counted before told."""
        head = self._head
        raw, link = write_record(head.link, head.seq + 1, unix_ms(at), kind, data)
        if not self._writer.has_room(len(raw)):
            with self._doubtful():
                self._writer.trim()
                self._counter.flush()
            self._start_segment(
                SegmentHeader(
                    uid=self._uid,
                    flags=FLAG_SIMULATION,
                    number=head.segment + 1,
                    first_seq=head.seq + 1,
                    previous=head.link,
                )
            )
        with self._doubtful():
            self._writer.append(raw)
        return self._written(kind, data, link)

    def _cut(self, tail: bytes, at: datetime) -> None:
        """Cut torn bytes, with a record of it in their place."""
        writer = self._writer
        cut = write_cut(Cut(segment=writer.number, offset=writer.position, length=len(tail), digest=sha256(tail)))
        raw, link = write_record(self._head.link, self._head.seq + 1, unix_ms(at), RecordKind.CUT, cut)
        with self._doubtful():
            writer.replace_tail(raw)
        self._written(RecordKind.CUT, cut, link)

    def _written(self, kind: RecordKind, data: bytes, link: bytes) -> int:
        """Count a record that is durable."""
        seq = self._head.seq + 1
        with self._doubtful():
            self._counter.raise_to(seq, link)
        self._tally.take(kind, data)
        self._head = Head(seq=seq, link=link, segment=self._writer.number, counter=seq)
        return seq

    def _start_segment(self, header: SegmentHeader) -> None:
        with self._doubtful():
            self._writer.start(header)
        self._segments.add(header)
        self._head = attrs.evolve(self._head, segment=header.number)

    @contextmanager
    def _doubtful(self) -> Iterator[None]:
        """When this does not end well, nobody knows what stands on the medium: it must be opened anew."""
        try:
            yield
        except OSError as error:
            self._failed = True
            raise Fault("TS-3206", detail=str(error.strerror)) from error
        except BaseException:
            self._failed = True
            raise


@contextmanager
def _reading() -> Iterator[None]:
    """What could not be read now may be there: nothing is in doubt by it."""
    try:
        yield
    except OSError as error:
        raise Fault("TS-3206", detail=str(error.strerror)) from error
