"""Leaf, record, tiles, notes and proofs: what is written is read, and nothing makes more than a fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.authority.ledger.entry import NewEntry
from tallystick.wire.leaf import Leaf, read_leaf, write_leaf
from tallystick.wire.record import Record, canonical_members, read_record, write_document_record, write_record
from tallystick.wire.signed_note import (
    Checkpoint,
    NoteSignature,
    SignedNote,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    write_note,
)
from tallystick.wire.tiles import ENTRIES, Tile, parse_tile_path, read_bundle, read_hashes, tiles_between, write_bundle
from tallystick.wire.tlog_proof import TlogProof, read_proof, write_proof

hashes = st.binary(min_size=32, max_size=32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
members = st.dictionaries(texts, texts, max_size=6).map(canonical_members)
names = st.text(st.characters(categories=["L", "N", "Sm"], exclude_characters="+"), min_size=1, max_size=30)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
signatures = st.builds(NoteSignature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
notes = st.builds(
    SignedNote,
    st.lists(lines, min_size=1, max_size=5)
    .map("\n".join)
    .map(lambda text: text + "\n")
    .filter(lambda text: text != "\n"),
    st.lists(signatures, min_size=1, max_size=5).map(tuple),
)
leaves = st.builds(
    Leaf,
    kind=st.integers(0, 255),
    channel=st.integers(0, 255),
    flags=st.integers(0, 0xFFFF),
    received_ms=st.integers(0, 2**50).map(lambda seconds: seconds * 1000),
    record_commitment=hashes,
    device_link=hashes,
    taxpayer_link=hashes,
    type_link=hashes,
    day_link=hashes,
)
records = st.builds(
    Record,
    version=st.just("1"),
    device=texts,
    total=texts,
    premises=texts,
    facts=members,
    tax_totals=members,
    flags=st.lists(texts, max_size=4).map(tuple),
)
tiles = st.builds(Tile, st.one_of(st.just(ENTRIES), st.integers(0, 63)), st.integers(0, 2**63 - 1), st.integers(1, 256))


@given(leaves)
def test_leaf(leaf: Leaf) -> None:
    assert read_leaf(write_leaf(leaf)) == leaf


@given(records)
def test_record(record: Record) -> None:
    assert read_record(write_record(record)) == record


@given(
    st.builds(
        NewEntry,
        kind=st.just(1),
        channel=st.integers(0, 255),
        body=st.just(b""),
        media_type=texts,
        received_at_ms=st.integers(0, 2**50),
        file_hash=st.one_of(st.just(b""), hashes),
        device=st.just(("ABCD1234", "WXYZ9876")),
        tin=texts,
        premises=texts,
        day=st.integers(-1000, 90_000),
        issued_at_ms=st.integers(0, 2**50),
        utc_offset_minutes=st.integers(-900, 900),
        currency=texts,
        total=st.integers(-(2**70), 2**70),
        day_amount=st.integers(-(2**70), 2**70),
        tax_totals=st.dictionaries(texts, st.integers(-(2**40), 2**40), max_size=4),
        se_total=st.integers(1, 2**32),
        se_type=st.integers(0, 2**32),
        certificate_hash=st.one_of(st.just(b""), hashes),
        refers_to=texts,
        flags=st.lists(texts, max_size=3).map(tuple),
        leaf_flags=st.integers(0, 31),
        verdict=st.integers(0, 99),
        facts=st.dictionaries(texts, texts, max_size=4),
    ),
    hashes,
)
def test_the_quick_way_writes_the_same_record(entry: NewEntry, some: bytes) -> None:
    """``read_record`` writes what it has read once more, the plain way, and refuses any difference."""
    record = read_record(write_document_record(entry, some, some, some, 1, 2, 256, 3, 4))
    assert record.facts == entry.facts
    assert record.tax_totals == {label: str(amount) for label, amount in entry.tax_totals.items()}
    assert (record.flags, record.taxpayer, record.premises) == (entry.flags, entry.tin, entry.premises)
    assert (record.total, record.day, record.se_total) == (str(entry.total), str(entry.day), str(entry.se_total))


@given(tiles)
def test_tile_path(tile: Tile) -> None:
    assert parse_tile_path(tile.path) == tile


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=256))
def test_bundle(entries: list[bytes]) -> None:
    assert read_bundle(write_bundle(entries)) == entries


@given(st.integers(0, 200_000), st.integers(0, 70_000))
def test_a_log_that_grows_has_no_tile_without_its_neighbours(old: int, grown: int) -> None:
    new = old + grown
    assert set(tiles_between(0, new)) <= set(tiles_between(0, old)) | set(tiles_between(old, new))


@given(notes)
def test_note(note: SignedNote) -> None:
    assert parse_note(write_note(note)) == note


@given(names, st.integers(0, 2**63 - 1), hashes)
def test_checkpoint(origin: str, size: int, root: bytes) -> None:
    head = Checkpoint(origin, size, root)
    assert parse_checkpoint(head.text) == head


@given(st.integers(0, 2**62), st.lists(hashes, max_size=63).map(tuple), notes, st.binary(max_size=50))
def test_proof(index: int, path: tuple[bytes, ...], note: SignedNote, extra: bytes) -> None:
    proof = TlogProof(index, path, note, extra)
    assert read_proof(write_proof(proof)) == proof


READERS: tuple[tuple[Callable[[bytes], object], str], ...] = (
    (read_leaf, "TS-1220"),
    (read_record, "TS-1220"),
    (read_bundle, "TS-1220"),
    (read_hashes, "TS-1220"),
    (parse_note, "TS-1220"),
    (read_proof, "TS-1220"),
    (lambda data: parse_tile_path(data.decode("latin-1")), "TS-1001"),
    (lambda data: parse_checkpoint(data.decode("latin-1")), "TS-1220"),
    (lambda data: parse_verifier_key(data.decode("latin-1")), "TS-1220"),
)

mutated = st.builds(
    lambda data, at, put: data[: at % (len(data) + 1)] + put + data[at % (len(data) + 1) + 1 :],
    st.one_of(
        records.map(write_record),
        notes.map(write_note),
        leaves.map(write_leaf),
        tiles.map(lambda tile: tile.path.encode()),
        st.builds(TlogProof, st.just(3), st.lists(hashes, max_size=3).map(tuple), notes).map(write_proof),
        st.just(b'{"facts":' * 5000),
    ),
    st.integers(0, 10_000),
    st.binary(max_size=3),
)


@given(st.one_of(st.binary(max_size=400), mutated))
def test_fuzz(data: bytes) -> None:
    for read, code in READERS:
        assert fault_code(partial(read, data)) in {None, code}
