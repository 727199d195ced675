"""Codec of fiscal memories: what is written is read again, and any other bytes are a value or a coded fault."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire import worm, worm_contents
from tallystick.wire.worm import HEADER_BYTES, RecordKind, SegmentHeader
from tallystick.wire.worm_contents import Anchor, Cut, Note, NoteKind, Seal, SealStatement, SignedHead

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
HASHES = st.binary(min_size=32, max_size=32)
UIDS = st.text("ABCXYZ0189", min_size=8, max_size=8)
SEQUENCES = st.integers(1, 2**62)
RECORDS = st.lists(st.tuples(I64, st.sampled_from(RecordKind), st.binary(min_size=1, max_size=120)), min_size=1)


def by_hand(name: str, *fields: bytes) -> bytes:
    tag = b"tallystick/v1/" + name.encode()
    preimage = bytes([len(tag)]) + tag + b"".join(struct.pack(">I", len(field)) + field for field in fields)
    return hashlib.sha256(preimage).digest()


def test_a_segment_by_hand() -> None:
    """The bytes of docs/guides/worm-memory.md, written out once more without the codec."""
    genesis = by_hand("worm-genesis", b"ABCD1234", b"\0\1")
    header = b"TSW1" + b"\0\1" + b"ABCD1234" + b"\0\0\0\1" + b"\0\0\0\0\0\0\0\1" + genesis
    assert worm.write_header(worm.first_header("ABCD1234", 1)) == header
    number, time = struct.pack(">Q", 1), struct.pack(">q", -5)
    link = by_hand("worm-record", genesis, number, time, b"\1", b"eyJ")
    raw = struct.pack(">I", 8 + 8 + 1 + 3 + 32) + number + time + b"\1" + b"eyJ" + link
    assert worm.write_record(genesis, 1, -5, RecordKind.DOCUMENT, b"eyJ") == (raw, link)


@given(UIDS, st.sampled_from((0, 1)), st.integers(1, 100_000), SEQUENCES, HASHES)
def test_headers(uid: str, flags: int, number: int, first_seq: int, previous: bytes) -> None:
    header = SegmentHeader(uid=uid, flags=flags, number=number, first_seq=first_seq, previous=previous)
    assert worm.read_header(worm.write_header(header)) == header


@given(RECORDS, SEQUENCES, HASHES)
def test_records_are_read_as_they_were_written_and_follow_each_other(
    contents: list[tuple[int, RecordKind, bytes]], first: int, link: bytes
) -> None:
    data, links = b"", [link]
    for seq, (time_ms, kind, body) in enumerate(contents, first):
        raw, link = worm.write_record(link, seq, time_ms, kind, body)
        data, links = data + raw, [*links, link]
    offset = 0
    for seq, (time_ms, kind, body) in enumerate(contents, first):
        record, offset = worm.read_record(data, offset)
        assert (record.seq, record.time_ms, record.kind, record.data) == (seq, time_ms, kind, body)
        assert record.follows(links[seq - first])
    assert offset == len(data)


@given(HASHES, SEQUENCES, I64, st.sampled_from(RecordKind), st.binary(min_size=1, max_size=60), st.data())
def test_any_flipped_bit_of_a_record_shows(
    previous: bytes, seq: int, time_ms: int, kind: RecordKind, body: bytes, draw: st.DataObject
) -> None:
    raw, _ = worm.write_record(previous, seq, time_ms, kind, body)
    bit = draw.draw(st.integers(0, len(raw) * 8 - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    data = bytes(changed)
    if fault_code(lambda: worm.read_record(data)) != "TS-3203":
        record, end = worm.read_record(data)
        assert end != len(raw) or not record.follows(previous)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_other_bytes_are_no_record_or_one_coded_fault(data: bytes, offset: int) -> None:
    if fault_code(lambda: worm.read_record(data, offset)) != "TS-3203":
        _, end = worm.read_record(data, offset)
        assert offset + worm.RECORD_OVERHEAD_BYTES < end <= len(data)


@given(st.integers(LIMITS.worm_record_bytes + 50, 2**32 - 1))
def test_a_length_bomb_is_refused_before_anything_is_taken(length: int) -> None:
    data = length.to_bytes(4, "big") + bytes(64)
    assert worm.record_end(data, 0) is None
    with pytest.raises(Fault, match="TS-3203"):
        worm.read_record(data)


@given(RECORDS, st.binary(min_size=1, max_size=80))
def test_the_next_record_is_found_behind_damage(contents: list[tuple[int, RecordKind, bytes]], damage: bytes) -> None:
    header = worm.first_header("ABCD1234", 1)
    data, link, places = worm.write_header(header), header.previous, []
    for seq, (time_ms, kind, body) in enumerate([*contents, contents[0]], 1):
        places.append(len(data))
        raw, link = worm.write_record(link, seq, time_ms, kind, body)
        data += raw
    broken = data[: places[0]] + damage[:20] + data[places[0] + len(damage[:20]) :]
    assert worm.find_record(broken, places[0], 1, len(broken)) == places[1]
    assert worm.find_record(data, places[-1], len(places), len(data)) is None


SEALS = st.builds(
    Seal,
    statement=st.builds(SealStatement, uid=UIDS, seq=U64, link=HASHES, segment=U32, card_counter=U64),
    signature=st.binary(min_size=64, max_size=64),
)
HEADS = st.builds(
    SignedHead, uid=UIDS, counter=U64, link=HASHES, challenge=HASHES, signature=st.binary(min_size=64, max_size=64)
)
ANCHORS = st.builds(Anchor, seq=U64, log_index=U64, checkpoint=st.binary(min_size=1, max_size=200))
CUTS = st.builds(Cut, segment=U32, offset=U64, length=U64, digest=HASHES)
NOTES = st.builds(Note, kind=st.sampled_from(NoteKind), before_ms=I64, text=st.text(max_size=40))


@settings(max_examples=25)
@given(SEALS, HEADS, ANCHORS, CUTS, NOTES)
def test_contents_are_read_as_they_were_written(
    seal: Seal, head: SignedHead, anchor: Anchor, cut: Cut, note: Note
) -> None:
    assert worm_contents.read_seal(worm_contents.write_seal(seal)) == seal
    assert worm_contents.read_signed_head(worm_contents.write_signed_head(head)) == head
    assert worm_contents.read_anchor(worm_contents.write_anchor(anchor)) == anchor
    assert worm_contents.read_cut(worm_contents.write_cut(cut)) == cut
    assert worm_contents.read_note(worm_contents.write_note(note)) == note


@pytest.mark.parametrize(
    "read",
    [
        worm.read_header,
        worm_contents.read_seal,
        worm_contents.read_signed_head,
        worm_contents.read_anchor,
        worm_contents.read_cut,
        worm_contents.read_note,
    ],
)
@given(data=st.one_of(st.binary(max_size=150), st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES)))
def test_other_bytes_are_a_value_or_one_coded_fault(read: Callable[[bytes], object], data: bytes) -> None:
    assert fault_code(lambda: read(data)) in (None, "TS-3203")


@given(SEALS)
def test_what_a_device_signs_in_a_seal_is_no_document_and_names_everything(seal: Seal) -> None:
    """A JWS's signing input begins with ``eyJ``; a change of any member is another text."""
    text = worm_contents.seal_text(seal.statement)
    assert text.startswith(b"tallystick/v1/worm-seal\n")
    statement = seal.statement
    for change in (
        {"uid": "QQQQQQQQ"},
        {"seq": statement.seq ^ 1},
        {"link": bytes(31) + b"\7" if statement.link != bytes(31) + b"\7" else bytes(32)},
        {"segment": statement.segment ^ 1},
        {"card_counter": statement.card_counter ^ 1},
    ):
        assert worm_contents.seal_text(attrs.evolve(statement, **change)) != text


def test_bounds_of_contents() -> None:
    long_note = Note(kind=NoteKind.KEY, before_ms=0, text="x" * (LIMITS.worm_note_bytes + 1))
    with pytest.raises(Fault, match="TS-3208"):
        worm_contents.write_note(long_note)
    for checkpoint in (b"", b"x" * (LIMITS.worm_checkpoint_bytes + 1)):
        with pytest.raises(Fault, match="TS-3208"):
            worm_contents.write_anchor(Anchor(seq=1, log_index=1, checkpoint=checkpoint))
