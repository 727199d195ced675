"""Whatever is done to the files of a fiscal memory, the verifier says so or the bytes are the same (S0-031)."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import fault_code
from worm_bench import DEVICE, NOW, UID, sell
from worm_power import Image, RecordingDisk

from tallystick.device.worm import CAPACITY, FileMemory
from tallystick.device.worm.counter import COUNTER_NAME
from tallystick.device.worm.dump import verify_dump
from tallystick.device.worm.file_memory import Layout

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
