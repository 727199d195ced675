"""The verifier of a dump names every kind of break at its place, and accuses nobody where all is well (S0-031)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from worm_bench import DEVICE, NOW, UID, sell, sign
from worm_dumps import (
    FIRST,
    LAYOUT,
    OTHER,
    SECOND,
    certificate,
    changed,
    codes,
    first_counter,
    healthy,
    offsets,
    verify,
)
from worm_power import Image, RecordingDisk

from tallystick.device.worm import CAPACITY, FileMemory, Record, RecordKind
from tallystick.device.worm.breaks import TITLES, WormBreak
from tallystick.device.worm.breaks import WormBreakCode as Code
from tallystick.device.worm.counter import COUNTER_NAME
from tallystick.device.worm.dump import verify_dump
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import HEADER_BYTES, read_header, read_record, segment_name, write_record
from tallystick.wire.worm_contents import (
    Seal,
    SealStatement,
    read_seal,
    seal_text,
)


def flipped(name: str, at: int) -> Image:
    at %= len(healthy()[name])
    return changed(name, at, bytes([healthy()[name][at] ^ 1]))


def rewritten(number: int, change: Callable[[Record], Record | None]) -> Image:
    """As one who writes files would: from record ``number`` of the first segment on, every link is made anew.

    The header of the second segment and the counter's file are left as they were.
    """
    data = healthy()[FIRST]
    places = offsets(data)
    new = bytearray(data[: places[number - 1]])
    link, seq = bytes(new[-32:]), number
    for place in places[number - 1 : -1]:
        record, _ = read_record(data, place)
        new_record = change(record) if record.seq == number else record
        if new_record is None:
            continue
        raw, link = write_record(link, seq, new_record.time_ms, new_record.kind, new_record.data)
        new += raw
        seq += 1
    return {**healthy(), FIRST: bytes(new)}


def test_a_healthy_dump_has_no_break_and_its_outcome_says_what_it_holds() -> None:
    outcome, found = verify(healthy())
    assert found == []
    assert (outcome.uid, outcome.is_simulation, outcome.segments) == (UID, True, 2)
    assert (outcome.records, outcome.seq, outcome.counter) == (107, 107, 107)
    assert (outcome.seals, outcome.seals_checked, outcome.sealed_up_to) == (3, 3, 105)
    assert (outcome.card_counter, outcome.unsealed, outcome.cuts, outcome.closed) == (101, 1, 0, False)


def test_without_a_certificate_seals_are_counted_and_not_said_to_be_checked() -> None:
    found: list[WormBreak] = []
    outcome = verify_dump(RecordingDisk(healthy()), found=found.append)
    assert found == []
    assert (outcome.seals, outcome.seals_checked) == (3, 0)


def test_one_changed_byte_of_a_document_is_one_break_at_its_record() -> None:
    place = offsets(healthy()[FIRST])[19]
    _, found = verify(flipped(FIRST, place + 22))
    assert [(one.code, one.seq) for one in found] == [(Code.CHAIN, 20)]
    assert found[0].place == f"{FIRST} byte {place}"


@pytest.mark.parametrize("field", [11, 19, 20], ids=["number", "time", "kind"])
def test_number_time_and_kind_are_covered_as_the_bytes_are(field: int) -> None:
    place = offsets(healthy()[FIRST])[19]
    assert Code.CHAIN in codes(changed(FIRST, place + field, b"\2"))


def test_a_changed_record_with_all_links_made_anew_meets_its_seal() -> None:
    found = codes(rewritten(20, lambda record: attrs.evolve(record, data=b"less")))
    assert Code.SEAL in found
    assert Code.SEGMENT_LINK in found


def test_a_record_taken_out_with_all_links_made_anew_meets_its_seal_and_the_next_segment() -> None:
    found = codes(rewritten(20, lambda record: None))
    assert Code.SEAL in found
    assert Code.SEGMENT_LINK in found


def test_a_record_taken_out_is_a_gap() -> None:
    data, places = healthy()[FIRST], offsets(healthy()[FIRST])
    found = verify({**healthy(), FIRST: data[: places[19]] + data[places[20] :]})[1]
    assert {Code.CHAIN, Code.SEQUENCE} <= {one.code for one in found}
    assert found[0].seq == 20


def test_a_length_bomb_is_named_and_the_rest_is_still_read() -> None:
    place = offsets(healthy()[FIRST])[19]
    for bomb in (b"\xff\xff\xff\xff", (LIMITS.worm_record_bytes + 50).to_bytes(4, "big")):
        outcome, found = verify(changed(FIRST, place, bomb))
        assert [(one.code, one.seq) for one in found] == [(Code.RECORD_LENGTH, 20)]
        assert outcome.records == 106


def test_a_length_that_could_be_hides_nothing_either() -> None:
    data, place = healthy()[FIRST], offsets(healthy()[FIRST])[19]
    longer = (int.from_bytes(data[place : place + 4], "big") + 200).to_bytes(4, "big")
    outcome, found = verify(changed(FIRST, place, longer))
    assert found[0].code is Code.UNREADABLE
    assert outcome.records == 106


def test_bytes_of_zeros_in_the_middle_are_no_room() -> None:
    place = offsets(healthy()[FIRST])[19]
    outcome, found = verify(changed(FIRST, place, bytes(27)))
    assert found[0].code is Code.UNREADABLE
    assert outcome.records == 106


def test_a_missing_segment() -> None:
    image = {name: content for name, content in healthy().items() if name != FIRST}
    assert codes(image)[0] is Code.SEGMENT_MISSING
    image = {**healthy(), segment_name(4): healthy()[SECOND]}
    assert codes(image)[:2] == [Code.SEGMENT_MISSING, Code.HEADER]


def test_a_header_of_another_form_number_or_device() -> None:
    assert codes(changed(FIRST, 0, b"X"))[0] is Code.HEADER
    assert Code.HEADER in codes(changed(SECOND, 17, b"\x09"))
    assert Code.SEGMENT_LINK in codes(changed(SECOND, 25, b"\x01"))
    assert Code.SEGMENT_LINK in codes(flipped(SECOND, 40))
    assert Code.OTHER_DEVICE in codes(changed(SECOND, 6, b"WXYZ9999"))
    assert codes(changed(FIRST, 6, b"WXYZ9999"))[0] is Code.OTHER_DEVICE


def test_s0_087_the_flag_of_a_simulation_cannot_be_taken_off() -> None:
    """The first link covers it, and the seals cover the first link; later headers say the same."""
    assert Code.SEGMENT_LINK in codes(changed(FIRST, 5, b"\0"))
    assert codes(changed(SECOND, 5, b"\0")) == [Code.HEADER]


def test_a_segment_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.device.worm.dump.LIMITS", attrs.evolve(LIMITS, worm_segment_bytes=5_100))
    image = {**healthy(), SECOND: healthy()[SECOND].ljust(5_200, b"\0")}
    assert codes(image) == [Code.SEGMENT_LENGTH]


@pytest.mark.parametrize("torn", [1, 3, 4, 30, 70])
def test_a_torn_end_is_named_until_it_is_cut(torn: int) -> None:
    raw, _ = write_record(healthy()[SECOND][-32:], 108, 0, RecordKind.DOCUMENT, b"never told to anybody")
    image = {**healthy(), SECOND: healthy()[SECOND] + raw[:torn] + b"\xaa"}
    outcome, found = verify(image)
    assert [(one.code, one.seq) for one in found] == [(Code.TORN, 108)]
    disk = RecordingDisk(image)
    FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT).release()
    outcome, found = verify({name: bytes(content) for name, content in disk.files.items()})
    assert found == []
    assert (outcome.cuts, outcome.seq) == (1, 108)


def test_a_missing_tail_is_found_by_the_counter_and_by_a_seal_kept_elsewhere() -> None:
    data, places = healthy()[SECOND], offsets(healthy()[SECOND])
    kept = read_seal(read_record(data, places[-3])[0].data)
    shorter = {**healthy(), SECOND: data[: places[-4]]}
    assert codes(shorter) == [Code.TAIL]
    without = {name: content for name, content in shorter.items() if name != COUNTER_NAME}
    assert codes(without) == [Code.COUNTER]
    assert codes(shorter, kept=(kept,)) == [Code.TAIL, Code.TAIL]
    assert codes(healthy(), kept=(kept,)) == []


def test_a_kept_seal_of_another_history_or_hand() -> None:
    statement = SealStatement(uid=UID, seq=30, link=b"l" * 32, segment=1, card_counter=1)
    history = Seal(statement=statement, signature=sign(seal_text(statement)))
    assert codes(healthy(), kept=(history,)) == [Code.SEAL]
    assert codes(healthy(), kept=(attrs.evolve(history, signature=bytes(64)),)) == [Code.SEAL_SIGNATURE, Code.SEAL]
    foreign = attrs.evolve(history, statement=attrs.evolve(statement, uid="WXYZ9999"))
    assert Code.OTHER_DEVICE in codes(healthy(), kept=(foreign,))


def test_a_kept_seal_of_the_empty_memory() -> None:
    genesis = read_header(healthy()[FIRST][:HEADER_BYTES]).previous
    statement = SealStatement(uid=UID, seq=0, link=genesis, segment=1, card_counter=0)
    kept = Seal(statement=statement, signature=sign(seal_text(statement)))
    assert codes(healthy(), kept=(kept,)) == []
    wrong = attrs.evolve(statement, link=bytes(32))
    assert codes(healthy(), kept=(Seal(statement=wrong, signature=sign(seal_text(wrong))),)) == [Code.SEAL]


def test_a_counter_s_file_that_is_damaged_or_of_another_history() -> None:
    assert codes({**healthy(), COUNTER_NAME: b""}) == [Code.COUNTER]
    assert codes({**healthy(), COUNTER_NAME: bytes(1536)}) == [Code.COUNTER]
    disk = RecordingDisk()
    FileMemory.begin(disk, UID, CAPACITY)
    memory = FileMemory.opened(disk, UID, DEVICE, NOW, layout=LAYOUT)
    sell(memory, 40)
    memory.release()
    assert codes({**healthy(), COUNTER_NAME: bytes(disk.files[COUNTER_NAME])}) == [Code.COUNTER]


def test_seals_of_another_key_and_certificates_of_another_device() -> None:
    assert codes(healthy(), certificate(OTHER.public)) == [Code.SEAL_SIGNATURE] * 3
    assert codes(healthy(), certificate(OTHER.public), certificate()) == []
    assert codes(healthy(), certificate(uid="WXYZ9999")) == [Code.OTHER_DEVICE]


def test_a_hostile_dump_costs_a_bounded_number_of_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment full of what looks like the next record, of 200 KiB each: not all of them are hashed."""
    hashed = 0
    follows = Record.follows

    def counting(record: Record, previous: bytes) -> bool:
        nonlocal hashed
        hashed += 1
        return follows(record, previous)

    monkeypatch.setattr(Record, "follows", counting)
    header = healthy()[FIRST][:HEADER_BYTES]
    lure = (200 * 1024).to_bytes(4, "big") + (2).to_bytes(8, "big") + bytes(8) + b"\1" + b"\xff" * 20
    image = {FIRST: header + b"\xff" + lure * 20_000, COUNTER_NAME: first_counter()[COUNTER_NAME]}
    assert codes(image)[0] is Code.RECORD_LENGTH
    assert 900 < hashed < 1_100


def test_nothing_at_all_is_no_break() -> None:
    outcome, found = verify({})
    assert (outcome.is_empty, outcome.counter, found) == (True, None, [])
    assert codes(first_counter()) == []


def test_each_kind_of_break_has_its_sentence_and_stands_in_the_guide() -> None:
    assert set(TITLES) == set(Code)
    guide = (Path(__file__).resolve().parents[4] / "docs/guides/worm-memory.md").read_text(encoding="utf-8")
    assert not [code for code, title in TITLES.items() if f"| {code} | {title}" not in guide]
