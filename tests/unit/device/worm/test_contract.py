"""The file form of a fiscal memory keeps the contract of hardware, point by point (S0-031, S0-087)."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from worm_bench import DEVICE, NOW, UID, refused, sell, sign
from worm_power import RecordingDisk

from tallystick.crypto.signatures import verify_es256
from tallystick.device.worm import (
    Anchor,
    Capacity,
    FileMemory,
    Note,
    NoteKind,
    RecordKind,
    WriteOnceMemory,
    begin_memory,
    open_memory,
)
from tallystick.device.worm.counter import COUNTER_NAME
from tallystick.device.worm.disk import FolderDisk
from tallystick.device.worm.segment_writer import Layout
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import worm_genesis
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import FLAG_SIMULATION, HEADER_BYTES, segment_name
from tallystick.wire.worm_contents import head_text, read_seal, seal_text

LAYOUT = Layout(segment_bytes=1_000, step_bytes=300)
SMALL = Capacity(records=20, data_bytes=10**9)


def test_s0_031_what_was_appended_is_read_again_by_number_and_in_order(memory: FileMemory) -> None:
    sell(memory, 60)
    assert memory.read(1).data == b"sale 0"
    assert memory.read(51).kind is RecordKind.SEAL
    assert memory.read(61).data == b"sale 59"
    assert [record.seq for record in memory.records(55)] == list(range(55, 62))
    assert memory.head.seq == memory.head.counter == 61
    assert memory.head.link == memory.read(61).link


def test_a_memory_is_found_again_as_it_was_left(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    sell(memory, 55)
    head, state = memory.head, memory.state
    memory.release()
    again = open_memory(folder, UID, NOW)
    assert (again.head, again.state) == (head, state)
    again.release()


def test_s0_087_the_file_form_is_a_simulation_and_cannot_say_otherwise(memory: FileMemory, folder: Path) -> None:
    """In its passport, and under the chain of every record: without the flag the first link is another."""
    assert memory.is_simulation
    assert memory.passport.laboratory_report is None
    with pytest.raises(AttributeError):
        memory.is_simulation = False  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        memory.passport.is_simulation = False  # type: ignore[misc]
    header = (folder / segment_name(1)).read_bytes()[:HEADER_BYTES]
    assert header[4:6] == b"\0\1"
    assert header[-32:] == worm_genesis(UID, FLAG_SIMULATION) != worm_genesis(UID, 0)


def test_contract_1_there_is_no_verb_that_changes_or_removes() -> None:
    verbs = {name for name in dir(WriteOnceMemory) if not name.startswith("_")}
    assert verbs == {
        "uid", "passport", "is_simulation", "identity", "head", "state", "append", "anchor", "note", "seal",
        "close_for_ever", "signed_head", "read", "records", "release",
    }  # fmt: skip
    assert verbs <= {name for name in dir(FileMemory) if not name.startswith("_")}


def test_contract_2_the_counter_rises_by_one_with_each_record_and_is_never_begun_again(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    for expected in range(1, 5):
        memory.append(RecordKind.DOCUMENT, b"x", NOW)
        assert memory.head.counter == expected
    memory.release()
    with refused("TS-3209"):
        begin_memory(folder, UID)
    (folder / COUNTER_NAME).unlink()
    with refused("TS-3209"):
        begin_memory(folder, UID)
    with refused("TS-3203"):
        open_memory(folder, UID, NOW)


def test_contract_3_a_head_is_signed_by_the_memory_s_own_key_for_whoever_asks(memory: FileMemory) -> None:
    memory.append(RecordKind.DOCUMENT, b"x", NOW)
    head = memory.signed_head(b"c" * 32)
    assert (head.uid, head.counter, head.link, head.challenge) == (UID, 1, memory.head.link, b"c" * 32)
    verify_es256(memory.identity, head_text(head), head.signature)
    assert memory.identity != DEVICE.public
    with refused("TS-3208"):
        memory.signed_head(b"short")


def test_contract_4_a_record_is_flushed_before_it_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = open_memory(folder, UID, NOW)
    order: list[str] = []
    write, flush = memory._disk.write, memory._disk.flush

    def noting_write(name: str, offset: int, data: bytes) -> None:
        order.append(f"write {name}")
        write(name, offset, data)

    def noting_flush(name: str) -> None:
        flush(name)
        order.append(f"flush {name}")

    monkeypatch.setattr(memory._disk, "write", noting_write)
    monkeypatch.setattr(memory._disk, "flush", noting_flush)
    memory.append(RecordKind.DOCUMENT, b"x" * 4096, NOW)
    assert order[-3:] == [f"write {segment_name(1)}", f"flush {segment_name(1)}", f"write {COUNTER_NAME}"]
    memory.release()


def test_contract_5_almost_full_at_90_percent_and_full_stops_sales_alone(tmp_path: Path) -> None:
    begin_memory(tmp_path / "m", UID, SMALL)
    memory = open_memory(tmp_path / "m", UID, NOW)
    almost, full = [], []
    for _ in range(20):
        sell(memory, 1)
        almost.append(memory.state.almost_full)
        full.append(memory.state.full)
    assert (almost.index(True), full.index(True)) == (17, 19)
    with refused("TS-3201"):
        memory.append(RecordKind.DOCUMENT, b"one more", NOW)
    memory.release()
    memory = open_memory(tmp_path / "m", UID, NOW)
    assert memory.state.capacity == SMALL
    memory.append(RecordKind.Z_REPORT, b"z", NOW)
    memory.seal(21, sign, NOW)
    memory.anchor(Anchor(seq=22, log_index=9, checkpoint=b"note"), NOW)
    memory.close_for_ever(b"closure", 21, sign, NOW)
    memory.release()


def test_bytes_fill_a_memory_too(tmp_path: Path) -> None:
    begin_memory(tmp_path / "m", UID, Capacity(records=1_000, data_bytes=2_000))
    memory = open_memory(tmp_path / "m", UID, NOW)
    memory.append(RecordKind.DOCUMENT, b"x" * 1_800, NOW)
    assert memory.state.almost_full
    memory.append(RecordKind.DOCUMENT, b"x" * 100, NOW)
    with refused("TS-3201"):
        memory.append(RecordKind.DOCUMENT, b"x", NOW)
    memory.release()


def test_the_reserve_of_a_full_memory_ends_too(tmp_path: Path) -> None:
    """Events may not fill the medium for ever; a seal and the closure always find room."""
    begin_memory(tmp_path / "m", UID, Capacity(records=1, data_bytes=10**9))
    memory = open_memory(tmp_path / "m", UID, NOW)
    memory._head = attrs.evolve(memory._head, seq=LIMITS.worm_reserve_records + 1)
    with refused("TS-3201"):
        memory.note(Note(kind=NoteKind.POWER_UP, before_ms=0), NOW)
    memory.release()


def test_contract_7_after_the_closure_nothing_is_written_any_more(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    sell(memory, 3)
    last = memory.close_for_ever(b"closure document", 3, sign, NOW)
    assert [record.kind for record in memory.records(4)] == [RecordKind.CLOSURE, RecordKind.SEAL]
    memory.release()
    memory = open_memory(folder, UID, NOW)
    assert memory.state.closed
    for kind in (RecordKind.DOCUMENT, RecordKind.Z_REPORT):
        with refused("TS-3202"):
            memory.append(kind, b"x", NOW)
    with refused("TS-3202"):
        memory.anchor(Anchor(seq=1, log_index=1, checkpoint=b"note"), NOW)
    with refused("TS-3202"):
        memory.note(Note(kind=NoteKind.POWER_UP, before_ms=0), NOW)
    with refused("TS-3202"):
        memory.seal(9, sign, NOW)
    with refused("TS-3202"):
        memory.close_for_ever(b"again", 9, sign, NOW)
    assert memory.head.seq == last == 5
    memory.release()


def test_a_closed_memory_is_opened_read_and_released_without_a_byte_written(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    sell(memory, 3)
    memory.close_for_ever(b"closure document", 3, sign, NOW)
    memory.release()
    image = {path.name: path.read_bytes() for path in folder.glob("*.seg")}
    disk = RecordingDisk({**image, COUNTER_NAME: (folder / COUNTER_NAME).read_bytes()})
    closed = FileMemory.opened(disk, UID, DEVICE, NOW)
    assert len(list(closed.records())) == 5
    closed.release()
    assert disk.operations == []


def test_a_closure_whose_seal_was_cut_off_is_sealed_by_the_same_call(memory: FileMemory) -> None:
    def away(text: bytes) -> bytes:
        raise Fault("TS-5004")

    with refused("TS-5004"):
        memory.close_for_ever(b"closure", 1, away, NOW)
    with refused("TS-3202"):
        memory.append(RecordKind.DOCUMENT, b"x", NOW)
    assert memory.close_for_ever(b"closure", 1, sign, NOW) == 2


def test_a_seal_covers_the_record_before_it_and_the_card_s_counter(memory: FileMemory) -> None:
    sell(memory, 2)
    link = memory.head.link
    seq = memory.seal(77, sign, NOW)
    seal = read_seal(memory.read(seq).data)
    statement = seal.statement
    assert (statement.uid, statement.seq, statement.link) == (UID, 2, link)
    assert (statement.segment, statement.card_counter) == (1, 77)
    verify_es256(DEVICE.public, seal_text(statement), seal.signature)
    assert memory.state.last_seal == statement
    assert memory.state.unsealed == 0


def test_a_51st_record_waits_for_a_seal(memory: FileMemory) -> None:
    for _ in range(50):
        memory.append(RecordKind.DOCUMENT, b"x", NOW)
    assert memory.state.seal_due
    for kind in (RecordKind.DOCUMENT, RecordKind.Z_REPORT):
        with refused("TS-3207"):
            memory.append(kind, b"x", NOW)
    memory.note(Note(kind=NoteKind.CLOCK_CHANGE, before_ms=1), NOW)
    memory.seal(1, sign, NOW)
    memory.append(RecordKind.DOCUMENT, b"x", NOW)


def test_segments_follow_each_other_and_are_read_across(folder: Path) -> None:
    disk = FolderDisk(folder)
    memory = FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    sell(memory, 70)
    assert memory.head.segment > 3
    assert [record.seq for record in memory.records()] == list(range(1, memory.head.seq + 1))
    assert [memory.read(seq).seq for seq in range(memory.head.seq, 0, -1)] == list(range(memory.head.seq, 0, -1))
    size = memory.state.data_bytes
    memory.release()
    assert size == sum(path.stat().st_size for path in folder.glob("*.seg"))
    for path in folder.glob("*.seg"):
        assert path.stat().st_size <= 1_000
    memory = FileMemory.opened(FolderDisk(folder), UID, DEVICE, NOW, layout=LAYOUT)
    assert memory.state.data_bytes == size
    assert memory.state.last_seal is not None
    memory.release()
    segment = folder / segment_name(2)
    whole = segment.read_bytes()
    segment.write_bytes(whole.replace(b"sale 20", b"sale 99"))
    memory = FileMemory.opened(FolderDisk(folder), UID, DEVICE, NOW, layout=LAYOUT)
    with refused("TS-3203"):
        list(memory.records())
    with refused("TS-3203"):
        memory.read(21)
    memory.release()
    segment.unlink()
    with refused("TS-3203"):
        FileMemory.opened(FolderDisk(folder), UID, DEVICE, NOW)


def test_reading_goes_on_beside_a_thread_that_writes(memory: FileMemory) -> None:
    """The synchronisation reads in the background while the cashier sells."""
    sell(memory, 3)
    reading = memory.records()
    assert next(reading).seq == 1
    sell(memory, 2)
    assert [record.seq for record in reading] == [2, 3]


def test_a_record_that_is_half_written_while_another_is_read_is_read_whole_afterwards(
    folder: Path, memory: FileMemory
) -> None:
    """Reading beside the writer is safe: the first bytes of a length are no length."""
    sell(memory, 3)
    with (folder / segment_name(1)).open("r+b") as segment:
        segment.seek(memory.state.data_bytes)
        segment.write(b"\0\0\1")
    assert memory.read(3).data == b"sale 2"
    sell(memory, 2)
    assert [memory.read(seq).data for seq in (4, 5)] == [b"sale 0", b"sale 1"]
