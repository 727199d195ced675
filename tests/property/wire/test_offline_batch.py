"""Parts, manifests and head reports of offline batches: what is written is read, what is not is refused with a code."""

from __future__ import annotations

import gzip
import os
import zlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.merkle import EMPTY_ROOT, leaf_hash, node_hash
from tallystick.wire.document_jws import BATCH, DocumentHeader, write_signed
from tallystick.wire.offline_batch import (
    HEAD,
    INFLATED_RATIO_MAX,
    PART_BYTES_MAX,
    Announcement,
    Manifest,
    inflate,
    merkle_root,
    read_announcement,
    read_head,
    read_manifest,
    read_part,
    split_parts,
    write_announcement,
    write_head,
    write_manifest,
    write_part,
)

lines = st.binary(min_size=1, max_size=200).filter(lambda one: b"\n" not in one)


def header(sequence: int, typ: str = BATCH) -> DocumentHeader:
    return DocumentHeader(
        kid=bytes(32),
        audience="fdo.example/aq/test",
        device=Uid("HARD0001"),
        sequence=sequence,
        previous=bytes(range(32)),
        nonce=bytes(16),
        time_ms=1_700_000_000_000,
        typ=typ,
    )


def sign(text: bytes) -> bytes:
    return sha256(text) * 2


def code(work: object, *args: object) -> str:
    try:
        work(*args)  # type: ignore[operator]
    except Fault as fault:
        return fault.code
    return ""


@given(st.lists(lines, min_size=1, max_size=40), st.integers(1, 500))
def test_parts_hold_every_document_once_in_order(documents: list[bytes], part_bytes: int) -> None:
    parts = list(split_parts(documents, part_bytes))
    assert [one for part in parts for one in read_part(part)] == documents
    assert all(len(part) <= max(part_bytes, 201) for part in parts)
    assert write_part(documents) == b"".join(parts)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_part_or_a_coded_fault(data: bytes) -> None:
    if code(read_part, data):
        assert code(read_part, data) == "TS-3281"
    else:
        assert write_part(read_part(data)) == data


@given(st.binary(min_size=1, max_size=5_000))
def test_gzip_is_one_whole_member(data: bytes) -> None:
    packed = gzip.compress(data, mtime=0)
    assert inflate(packed) == data
    assert code(inflate, packed[:-1]) == "TS-3280"
    assert code(inflate, packed + b"x") == "TS-3280"
    assert code(inflate, packed + packed) == "TS-3280"
    assert code(inflate, zlib.compress(data)) == "TS-3280"


@given(st.binary(max_size=400))
def test_any_bytes_inflate_or_are_a_coded_fault(data: bytes) -> None:
    assert code(inflate, data) in ("", "TS-3280", "TS-1203")


def test_ts_1203_bombs_stop_at_the_bound() -> None:
    assert code(inflate, gzip.compress(bytes(PART_BYTES_MAX + 1))) == "TS-1203"
    bomb = gzip.compress(bytes(64 * 2**20))
    assert code(inflate, bomb) == "TS-1203"
    thin = gzip.compress(b"a" * 100_000)
    assert len(thin) * INFLATED_RATIO_MAX < 100_000
    assert code(inflate, thin) == "TS-1203"
    edge = gzip.compress(os.urandom(PART_BYTES_MAX), 0)
    assert len(inflate(edge)) == PART_BYTES_MAX


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40))
def test_the_root_is_that_of_rfc_6962(hashes: list[bytes]) -> None:
    def root(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaf_hash(leaves[0])
        half = 1 << ((len(leaves) - 1).bit_length() - 1)
        return node_hash(root(leaves[:half]), root(leaves[half:]))

    assert merkle_root(hashes) == (root(hashes) if hashes else EMPTY_ROOT)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    first, documents = draw(st.integers(1, 10**6)), draw(st.integers(1, 20_000))
    parts = draw(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=min(documents, 6)))
    return Manifest(
        batch=draw(st.binary(min_size=16, max_size=16)),
        first=first,
        last=first + documents - 1,
        documents=documents,
        root=draw(st.binary(min_size=32, max_size=32)),
        parts=tuple(parts),
        closing=first + documents - 1,
        memory=draw(st.binary(max_size=256)),
    )


@given(manifests())
def test_a_manifest_comes_back(manifest: Manifest) -> None:
    compact = write_manifest(header(manifest.last + 1), manifest, sign)
    read = read_manifest(compact)
    assert read.manifest == manifest
    assert read.head == bytes(range(32))
    said = Announcement(batch=manifest.batch, first=manifest.first)
    assert read_announcement(write_announcement(said)) == said


@given(manifests())
def test_a_manifest_that_contradicts_itself(manifest: Manifest) -> None:
    for changed in (
        attrs.evolve(manifest, documents=manifest.documents + 1),
        attrs.evolve(manifest, last=manifest.last + 1),
        attrs.evolve(manifest, parts=manifest.parts * (manifest.documents + 1))
        if manifest.documents < 100
        else attrs.evolve(manifest, first=manifest.first + 1),
    ):
        assert code(write_manifest, header(manifest.last + 1), changed, sign) in ("TS-2410", "TS-1220", "TS-1003")
    assert code(write_manifest, header(manifest.last), manifest, sign) == "TS-2410"
    many = attrs.evolve(manifest, documents=20_001, last=manifest.first + 20_000)
    assert code(write_manifest, header(many.last + 1), many, sign) == "TS-1003"


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        (b"{}", "TS-1220"),
        (b"[]", "TS-1220"),
        (b"{", "TS-1210"),
        (b'{"waiting":"1"}', "TS-1220"),
        (b'{"waiting":"0","oldest":"2026-01-01T00:00:00.000Z"}', "TS-1220"),
        (b'{"waiting":"01"}', "TS-1220"),
        (b'{"waiting":"0","more":"1"}', "TS-1220"),
        (b'{"waiting":"0","waiting":"0"}', "TS-1212"),
        (b'{"waiting":"0","memory":"="}', "TS-1220"),
        (b'{"waiting":"1","oldest":"yesterday"}', "TS-1201"),
        (b'{"waiting":"9","oldest":"2026-01-01T00:00:00.000Z"}', "TS-1220"),
    ],
)
def test_ts_1220_a_head_report_that_is_none(payload: bytes, wrong: str) -> None:
    assert code(read_head, write_signed(header(5, HEAD), payload, sign)) == wrong


@given(st.integers(0, 1_000), st.integers(0, 2**41), st.binary(max_size=100))
def test_a_head_report_comes_back(waiting: int, oldest: int, memory: bytes) -> None:
    said = write_head(header(1_001, HEAD), sign, waiting, oldest if waiting else None, memory)
    read = read_head(said)
    assert (read.sequence, read.waiting, read.memory) == (1_000, waiting, memory)
    assert read.oldest_ms == (oldest if waiting else None)
    assert code(read_manifest, said) == "TS-1201"
