"""Power is cut at every write and flush of a fiscal memory's life: no acknowledged record is missing or changed.

Security 8.4, number 3, fault points 12 to 15, 44 and 45; S0-031. Everything that a cut may leave of what was not
flushed is opened again, and once more after a second cut in the middle of the first recovery. The harness proves
itself: with a flush left out, or with the counter written before the record, it finds the loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import attrs
import pytest
from worm_power import Image, RecordingDisk

from tallystick.crypto.keys import generate_p256_key
from tallystick.device.worm import Anchor, Capacity, FileMemory, Note, NoteKind, Record, RecordKind
from tallystick.device.worm.recovery import find_end
from tallystick.device.worm.segment_writer import Layout
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.worm import FLAG_SIMULATION, write_record
from tallystick.wire.worm_contents import read_cut

UID = "ABCD1234"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = generate_p256_key()
LAYOUT = Layout(segment_bytes=1_500, step_bytes=400)
CAPACITY = Capacity(records=10_000, data_bytes=10**9)


@attrs.define
class Diary:
    """What the register was told, and after how many operations of the disk."""

    begun: int | None = None
    told: list[tuple[int, Record]] = attrs.Factory(list)

    def known(self, cut: int) -> list[Record]:
        """The records that were acknowledged before the cut."""
        return [record for moment, record in self.told if moment <= cut]


def quick_sign(text: bytes) -> bytes:
    """64 bytes; whether seals hold is tried elsewhere."""
    return sha256(text) * 2


def open_on(disk: RecordingDisk, kind: type[FileMemory] = FileMemory) -> FileMemory:
    return kind.opened(disk, UID, KEY, NOW, layout=LAYOUT)


def life(disk: RecordingDisk, kind: type[FileMemory] = FileMemory) -> Diary:
    """Two shifts with sales, seals, an anchor, several segments and a closure."""
    diary = Diary()

    def tell(seq: int) -> None:
        diary.told += [(len(disk.operations), memory.read(at)) for at in range(len(diary.told) + 1, seq + 1)]

    FileMemory.begin(disk, UID, CAPACITY)
    diary.begun = len(disk.operations)
    memory = open_on(disk, kind)
    tell(memory.note(Note(kind=NoteKind.POWER_UP, before_ms=0), NOW))
    for shift in range(2):
        for sale in range(4):
            tell(memory.append(RecordKind.DOCUMENT, b"%d.%d" % (shift, sale) * (10 + 60 * sale), NOW))
        tell(memory.append(RecordKind.Z_REPORT, b"z" * 700, NOW))
        tell(memory.seal(10 * shift, quick_sign, NOW))
        tell(memory.anchor(Anchor(seq=3, log_index=7, checkpoint=b"note"), NOW))
    memory.release()
    memory = open_on(disk, kind)
    tell(memory.append(RecordKind.DOCUMENT, b"last", NOW))
    tell(memory.close_for_ever(b"closure", 30, quick_sign, NOW))
    return diary


def judge(image: Image, known: list[Record], *, begun: bool) -> RecordingDisk | None:
    """Open what a cut left; everything known is there, and a cut is on record. Gives the disk of the recovery."""
    disk = RecordingDisk(image)
    try:
        tail = find_end(disk, UID, FLAG_SIMULATION).tail
    except Fault as fault:
        if fault.code != "TS-3200" or begun:
            raise
        FileMemory.begin(disk, UID, CAPACITY)
        tail = b""
    memory = open_on(disk)
    assert memory.head.counter >= len(known)
    found = list(memory.records())
    assert found[: len(known)] == known
    assert [record.seq for record in found] == list(range(1, memory.head.seq + 1))
    if tail:
        assert found[-1].kind is RecordKind.CUT
        assert read_cut(found[-1].data).digest == sha256(tail)
    if not memory.state.closed:
        assert memory.append(RecordKind.DOCUMENT, b"the next sale", NOW) == len(found) + 1
    return disk if tail else None


def losses(disk: RecordingDisk, diary: Diary) -> Iterator[str]:
    """Every cut, every image: what was wrong with it."""
    for cut in range(len(disk.operations) + 1):
        known, begun = diary.known(cut), diary.begun is not None and diary.begun <= cut
        for image in disk.images(cut):
            try:
                judge(image, known, begun=begun)
            except (AssertionError, Fault) as error:
                yield f"cut {cut}: {error!r}"


@cache
def whole_life() -> tuple[RecordingDisk, Diary]:
    disk = RecordingDisk()
    return disk, life(disk)


def test_s0_031_no_cut_loses_or_changes_an_acknowledged_record() -> None:
    disk, diary = whole_life()
    assert len(diary.told) == 18
    assert len(disk.operations) > 70
    assert [name for name in disk.names() if name.endswith(".seg")][2:], "several segments"
    assert list(losses(disk, diary)) == []


def test_a_second_cut_in_the_middle_of_a_recovery_loses_nothing_and_leaves_no_cut_without_its_record() -> None:
    disk, diary = whole_life()
    tried = 0
    for cut in range(9, len(disk.operations), 23):
        for image in disk.images(cut):
            recovery = judge(image, diary.known(cut), begun=True)
            for second in range(len(recovery.operations) + 1 if recovery else 0):
                assert recovery is not None
                for again in recovery.images(second):
                    tried += 1
                    before = [record.kind for record in open_on(RecordingDisk(again)).records()]
                    assert RecordKind.CUT in before, "bytes went without a record of it"
                    judge(again, diary.known(cut), begun=True)
    assert tried > 100


@pytest.mark.parametrize(
    "deaf", ["flush", "flush_folder", "flush worm.counter", "flush worm-000001.seg", "flush worm-000002.seg"]
)
def test_the_harness_finds_a_flush_that_does_nothing(deaf: str) -> None:
    disk = RecordingDisk(deaf=frozenset({deaf}))
    assert next(losses(disk, life(disk)), None) is not None


class CountsFirst(FileMemory):
    """Counts a record before it is durable."""

    def _put(self, kind: RecordKind, data: bytes, at: datetime) -> int:
        _, link = write_record(self._head.link, self._head.seq + 1, unix_ms(at), kind, data)
        self._counter.raise_to(self._head.seq + 1, link)
        return super()._put(kind, data, at)


def test_the_harness_finds_a_counter_that_runs_ahead_of_its_record() -> None:
    disk = RecordingDisk()
    found = next(losses(disk, life(disk, CountsFirst)), "")
    assert "counted" in found
