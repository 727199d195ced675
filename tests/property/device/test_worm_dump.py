"""Whatever is done to the files of a fiscal memory, the verifier says so or the bytes are the same (S0-031)."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import fault_code
from worm_bench import DEVICE, NOW, UID, sell, sign
from worm_power import Image, Operation, RecordingDisk

from tallystick.device.worm import CAPACITY, Anchor, FileMemory, Note, NoteKind, Record, RecordKind
from tallystick.device.worm.counter import COUNTER_NAME
from tallystick.device.worm.dump import verify_dump
from tallystick.device.worm.segment_writer import Layout

LAYOUT = Layout(segment_bytes=1_500, step_bytes=300)


@cache
def healthy() -> Image:
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    sell(memory, 60)
    memory.release()
    return {name: bytes(content) for name, content in disk.files.items()}


SEGMENTS = sorted(name for name in healthy() if name != COUNTER_NAME)


def opened(image: Image) -> FileMemory:
    return FileMemory.opened(RecordingDisk(image), UID, DEVICE, NOW, layout=LAYOUT)


def breaks(image: Image) -> int:
    return verify_dump(RecordingDisk(image), found=lambda _: None).breaks


@given(st.sampled_from(SEGMENTS), st.data())
def test_any_flipped_bit_is_found_by_the_verifier_and_never_opened_as_if_nothing_were(
    name: str, draw: st.DataObject
) -> None:
    data = bytearray(healthy()[name])
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    data[bit // 8] ^= 1 << bit % 8
    image = {**healthy(), name: bytes(data)}
    assert breaks(image) >= 1
    assert fault_code(lambda: list(opened(image).records())) in ("TS-3203", "TS-3204")


@given(st.sampled_from(SEGMENTS), st.data())
def test_any_piece_cut_out_is_found(name: str, draw: st.DataObject) -> None:
    data = healthy()[name]
    start = draw.draw(st.integers(0, len(data) - 1))
    stop = draw.draw(st.integers(start + 1, len(data)))
    assert breaks({**healthy(), name: data[:start] + data[stop:]}) >= 1


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*SEGMENTS, "worm-000009.seg", COUNTER_NAME]), st.binary(max_size=600)))
def test_garbage_is_a_list_of_breaks_or_a_coded_fault(files: Image) -> None:
    image = {**healthy(), **files}
    breaks(image)
    breaks(files)
    assert fault_code(lambda: opened(image)) in (None, "TS-3200", "TS-3203", "TS-3204")


VERBS = st.lists(st.sampled_from(["sale", "long sale", "z", "seal", "note", "anchor", "reopen"]), max_size=25)


@settings(max_examples=40, deadline=None)
@given(VERBS, st.data())
def test_any_life_of_a_memory_survives_a_cut_at_any_moment(verbs: list[str], draw: st.DataObject) -> None:
    """Fault points 12 to 15: what was told before the cut is there; and the verifier finds nothing afterwards."""
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    told: list[tuple[int, Record]] = []
    for verb in verbs:
        memory = live(memory, disk, verb)
        known = told[-1][1].seq if told else 0
        told += [(len(disk.operations), record) for record in memory.records(known + 1)]
    cut = draw.draw(st.integers(disk.operations.index(Operation("flush_folder")) + 1, len(disk.operations)))
    images = list(disk.images(cut))
    image = images[draw.draw(st.integers(0, len(images) - 1))]
    after = RecordingDisk(image)
    found = FileMemory.opened(after, UID, DEVICE, NOW, layout=LAYOUT)
    told_before = [record for moment, record in told if moment <= cut]
    assert list(found.records())[: len(told_before)] == told_before
    assert breaks({name: bytes(content) for name, content in after.files.items()}) == 0


def live(memory: FileMemory, disk: RecordingDisk, verb: str) -> FileMemory:
    """One deed; a seal where one is due."""
    if verb == "reopen":
        memory.release()
        return FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    if verb == "seal":
        memory.seal(memory.head.seq, sign, NOW)
    elif verb == "note":
        memory.note(Note(kind=NoteKind.POWER_UP, before_ms=1), NOW)
    elif verb == "anchor":
        memory.anchor(Anchor(seq=0, log_index=1, checkpoint=b"note"), NOW)
    elif verb == "z":
        memory.append(RecordKind.Z_REPORT, b"z", NOW)
    else:
        memory.append(RecordKind.DOCUMENT, b"sale" * (1 if verb == "sale" else 150), NOW)
    return memory
