"""Answers about a batch, written at the authority and read by a register."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.wire.batch_receipt import (
    BatchProgress,
    BatchReceipt,
    read_batch_answer,
    read_part_answer,
    write_part_answer,
    write_progress,
    write_receipt,
)

NUMBERS = st.integers(1, 2**31)
COUNTS = st.integers(0, 20_000)
HASHES = st.binary(min_size=32, max_size=32)
IDS = st.binary(min_size=16, max_size=16)


@given(IDS, NUMBERS, HASHES, st.none() | st.tuples(COUNTS, NUMBERS), st.lists(COUNTS, min_size=5, max_size=5))
def test_a_receipt_is_read_as_it_was_written(
    batch: bytes, first: int, head: bytes, indexes: tuple[int, int] | None, numbers: list[int]
) -> None:
    counts = dict(zip(("booked", "flagged", "apart", "refused", "doubled"), numbers, strict=True))
    body = write_receipt(
        batch=batch, first=first, last=first + 7, head=head, indexes=indexes, counts=counts, codes={"TS-2403": 3}
    )
    told = read_batch_answer(body)
    assert isinstance(told, BatchReceipt)
    assert (told.batch, told.first, told.last, told.head, told.body) == (batch, first, first + 7, head, body)
    assert [told.booked, told.flagged, told.apart, told.refused, told.doubled] == numbers
    assert told.codes == {"TS-2403": 3}
    assert told.last_index == (None if indexes is None else indexes[1])
    assert told.is_whole == (told.booked == 8)


@given(IDS, NUMBERS, st.lists(st.tuples(st.integers(1, 1024), HASHES, NUMBERS), max_size=5))
def test_progress_and_parts_are_read_as_they_were_written(
    batch: bytes, first: int, parts: list[tuple[int, bytes, int]]
) -> None:
    told = read_batch_answer(write_progress(batch=batch, first=first, state="open", parts=parts, code=""))
    assert isinstance(told, BatchProgress)
    assert [(one.number, one.sha256, one.size) for one in told.parts] == parts
    for number, digest, size in parts:
        here = read_part_answer(write_part_answer(number, digest, size))
        assert (here.number, here.sha256, here.size) == (number, digest, size)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[" * 9_999, b"<html>", b'{"batch":"AA","first":"1","state":"open"}', b"\xff"]
)
def test_what_is_none_is_refused(body: bytes) -> None:
    for read in (read_batch_answer, read_part_answer):
        with pytest.raises(Fault) as caught:
            read(body)
        assert caught.value.code == "TS-1220"
