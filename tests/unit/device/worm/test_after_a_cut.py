"""What opening takes for a torn record, and what for damage: only what was never told may be cut (S0-031)."""

from __future__ import annotations

from worm_bench import DEVICE, NOW, UID, refused, sell, sign
from worm_power import Image, RecordingDisk

from tallystick.device.worm import CAPACITY, FileMemory, RecordKind
from tallystick.device.worm.counter import COUNTER_NAME, FILE_BYTES, Count, CounterFile, read_count
from tallystick.device.worm.segment_writer import Layout
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import HEADER_BYTES, read_record, segment_name

LAYOUT = Layout(step_bytes=4_000)
FIRST = segment_name(1)


def memory_on(disk: RecordingDisk) -> FileMemory:
    return FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)


def image_of(disk: RecordingDisk) -> Image:
    return {name: bytes(content) for name, content in disk.files.items()}


def counted_late() -> tuple[Image, list[int]]:
    """Ten records, of which the counter's file knows none: its pages were lost. And where each begins."""
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    newborn = image_of(disk)[COUNTER_NAME]
    memory = memory_on(disk)
    sell(memory, 10)
    memory.release()
    data = bytes(disk.files[FIRST])
    places = [HEADER_BYTES]
    while places[-1] < len(data):
        places.append(read_record(data, places[-1])[1])
    return {FIRST: data, COUNTER_NAME: newborn}, places


def test_records_count_themselves_when_the_counter_s_pages_were_lost() -> None:
    image, _ = counted_late()
    memory = memory_on(RecordingDisk(image))
    assert memory.head.counter == memory.head.seq == 10


def test_damage_with_a_whole_record_behind_it_is_never_cut_though_nothing_counts_it() -> None:
    image, places = counted_late()
    data = bytearray(image[FIRST])
    data[places[4] + 22] ^= 1
    with refused("TS-3203"):
        memory_on(RecordingDisk({**image, FIRST: bytes(data)}))


def test_damage_of_the_length_is_no_torn_end_either() -> None:
    image, places = counted_late()
    data = bytearray(image[FIRST])
    data[places[4]] = 0xFF
    with refused("TS-3203"):
        memory_on(RecordingDisk({**image, FIRST: bytes(data)}))


def test_more_than_a_record_is_no_torn_record() -> None:
    image, _ = counted_late()
    torn = b"\xff" * LIMITS.worm_record_bytes
    assert memory_on(RecordingDisk({**image, FIRST: image[FIRST] + torn})).head.seq == 11
    with refused("TS-3203"):
        memory_on(RecordingDisk({**image, FIRST: image[FIRST] + torn + b"\xff" * 100}))


def test_a_counted_record_that_is_torn_is_damage() -> None:
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = memory_on(disk)
    sell(memory, 3)
    memory.release()
    image = image_of(disk)
    with refused("TS-3203"):
        memory_on(RecordingDisk({**image, FIRST: image[FIRST][:-1]}))


def test_a_history_written_anew_is_another_than_was_counted() -> None:
    disks = [RecordingDisk(), RecordingDisk()]
    for number, disk in enumerate(disks):
        FileMemory.begin(disk, UID, CAPACITY)
        memory = memory_on(disk)
        sell(memory, 3)
        memory.append(RecordKind.DOCUMENT, b"%d" % number, NOW)
        sell(memory, 3)
        memory.release()
    mixed = {**image_of(disks[0]), COUNTER_NAME: image_of(disks[1])[COUNTER_NAME]}
    with refused("TS-3203"):
        memory_on(RecordingDisk(mixed))


def test_a_seal_makes_the_count_durable() -> None:
    """So that what a seal covers is never taken for torn: the slot that may be torn is left out here."""
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = memory_on(disk)
    sell(memory, 3)
    seq = memory.seal(1, sign, NOW)
    flushed = bytes(disk.files[COUNTER_NAME])[: FILE_BYTES * 2 // 3].ljust(FILE_BYTES, b"\0")
    count = read_count(RecordingDisk({COUNTER_NAME: flushed}))
    assert count is not None
    assert count.counter == seq == 4


def test_segments_without_their_counter_or_a_counter_without_its_segments_are_damage() -> None:
    image, _ = counted_late()
    with refused("TS-3203"):
        memory_on(RecordingDisk({FIRST: image[FIRST]}))
    disk = RecordingDisk(image)
    memory_on(disk)
    with refused("TS-3203"):
        memory_on(RecordingDisk({COUNTER_NAME: bytes(disk.files[COUNTER_NAME])}))


def test_the_counter_never_goes_back_and_is_never_torn_in_both_flushed_slots() -> None:
    """Two flushes in a row go into different slots: the one before the last is whole whatever becomes of the last."""
    disk = RecordingDisk()
    genesis = bytes(32)
    file = CounterFile(disk, Count(uid=UID, capacity=CAPACITY, counter=0, link=genesis))
    file.begin()
    for counter in (5, 6, 7):
        file.raise_to(counter, genesis)
        file.flush()
        written = [one.offset for one in disk.operations if one.kind == "write"]
        assert written[-1] != written[-3]
    with refused("TS-3203"):
        file.raise_to(6, genesis)


def test_a_cut_never_leaves_nothing_in_the_place_of_torn_bytes() -> None:
    """The length of a record begins with zeros: written first and alone, it would wipe a short torn piece away."""
    image, _ = counted_late()
    disk = RecordingDisk({**image, FIRST: image[FIRST] + b"\0\0\2"})
    memory_on(disk)
    for moment in range(len(disk.operations) + 1):
        for after in disk.images(moment):
            assert after[FIRST][len(image[FIRST]) :].strip(b"\0"), moment
