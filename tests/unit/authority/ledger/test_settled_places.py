"""Where the sequencer lets a settled place stand, on paper: behind the device's last document, once, by two persons."""

from __future__ import annotations

from itertools import count
from typing import Any

import attrs
import pytest
from ledger_bench import document, registration
from msgspec.structs import replace
from settled_values import NEXT, a_place, place_entry

from tallystick.authority.ledger.booking import Batch, Outcome
from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.ledger.sequences import LedgerState
from tallystick.kernel.hashing import device_link, sha256
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import read_record
from tallystick.wire.settled_place import SettledPlace

UID = "HARD0001"
PAIR = (UID, UID)


def place(head_link: bytes, first: int, last: int | None = None, **changes: Any) -> SettledPlace:
    return a_place(UID, first, last or first, head_link, **changes)


def signed(number: int, previous: bytes) -> NewEntry:
    """A document of the device that names its place."""
    return replace(document(UID, number), device_seq=number, device_prev=previous)


@pytest.fixture
def batch() -> Batch:
    """A device with one document."""
    numbers = count(1)
    made = Batch(LedgerState(), {}, lambda size: bytes([next(numbers) % 256]) * size)
    made.add(registration(UID))
    first = made.add(signed(1, made.overlay.devices[PAIR].link))
    assert not first.fault
    return made


def link(batch: Batch) -> bytes:
    return batch.overlay.devices[PAIR].link


def test_the_sequence_goes_on_exactly_behind_the_place(batch: Batch) -> None:
    assert not batch.add(place_entry(place(link(batch), 2, 4))).fault
    head = batch.overlay.devices[PAIR]
    assert (head.seq, head.link, head.highest, head.missing) == (4, NEXT, 1, 0)
    refused = [
        batch.add(signed(5, sha256(b"another link"))),
        batch.add(signed(6, NEXT)),
        batch.add(signed(3, NEXT)),
    ]
    assert [one.fault for one in refused] == ["TS-1402", "TS-1402", "TS-1410"]
    follows = signed(5, NEXT)
    assert not batch.add(follows).fault
    assert (head.seq, head.highest, head.holes) == (5, 5, ((2, 4),))
    assert head.link == device_link(NEXT, 5, sha256(follows.body))


def test_leaf_record_and_link_row_tell_the_place(batch: Batch) -> None:
    before, rows = link(batch), len(batch.rows.device_links)
    batch.add(place_entry(place(before, 2, 3)))
    leaf = read_leaf(batch.frames[-3][13:189])
    record = read_record(batch.frames[-2])
    assert (leaf.kind, leaf.device_link) == (15, NEXT)
    assert (record.device, record.device_seq, record.device_prev) == (f"{UID}-{UID}", "3", before.hex())
    assert len(batch.rows.device_links) == rows + 1


def test_the_same_bytes_again_are_the_same_entry(batch: Batch) -> None:
    settled = place_entry(place(link(batch), 2))
    first = batch.add(settled)
    assert batch.add(settled) == Outcome(first.log_index, 0, True, sha256(settled.body))


@pytest.mark.parametrize("first", [1, 3, 9])
def test_ts_1408_no_place_but_the_next_one(batch: Batch, first: int) -> None:
    """Neither one where a document stands, nor one further on: that would hide all between."""
    outcome = batch.add(place_entry(place(link(batch), first, 9)))
    assert (outcome.fault, outcome.log_index) == ("TS-1408", -1)
    assert outcome.expected is not None
    assert outcome.expected["ts-seq"] == "2"


def test_ts_1408_not_twice_not_behind_another_link_not_of_another_device(batch: Batch) -> None:
    before = link(batch)
    wrong = [
        place_entry(place(sha256(b"wrong"), 2)),
        place_entry(attrs.evolve(place(before, 2), device="HARD0002"), UID),
        place_entry(place(before, 2), "HARD0002"),
    ]
    assert [batch.add(one).fault for one in wrong] == ["TS-1408", "TS-1408", "TS-2401"]
    assert not batch.add(place_entry(place(before, 2))).fault
    assert batch.add(place_entry(place(before, 2, request=2))).fault == "TS-1408"
    assert not batch.add(place_entry(place(NEXT, 3, next=sha256(b"further")))).fault


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_by": "vera"},
        {"approved_by": "VERA"},
        {"approved_by": ""},
        {"asked_by": ""},
        {"reason": " "},
        {"last": 10_002},
        {"presented": {"ab" * 32: 9}, "presented_count": 1},
        {"presented": {"ab" * 32: 2}},
    ],
)
def test_ts_1220_one_person_alone_settles_nothing(batch: Batch, changes: dict[str, Any]) -> None:
    assert batch.add(place_entry(place(link(batch), 2, **changes))).fault == "TS-1220"
