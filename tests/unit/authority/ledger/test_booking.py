"""A batch on paper: links, records, leaves and tree as the formats say, computed here a second time by hand."""

from __future__ import annotations

import hashlib
from itertools import count

import attrs
from ledger_bench import CASH, document, registration, tin_of

from tallystick.authority.ledger.booking import Batch, KnownAct, Outcome
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.mirror import entry_frame
from tallystick.authority.ledger.months import month_of
from tallystick.authority.ledger.sequences import LedgerState
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.leaf import NO_LINK, read_leaf
from tallystick.wire.record import read_record


def salts() -> object:
    """Salts that a test can know: the first is 32 times 1, and so on."""
    numbers = count(1)
    return lambda size: bytes([next(numbers) % 256]) * size


def batch_of(state: LedgerState, *entries: NewEntry) -> tuple[Batch, list[Outcome]]:
    batch = Batch(state, {}, salts())  # type: ignore[arg-type]  # a lambda of the right shape
    return batch, [batch.add(entry) for entry in entries]


@attrs.frozen
class Stored:
    """What a batch wrote to the mirror for an entry."""

    leaf: bytes
    salt: bytes
    record: bytes
    body: bytes


def stored(batch: Batch) -> list[Stored]:
    """Entries of a batch, taken from its mirror frames."""
    found = []
    for head, record, body in zip(*[iter(batch.frames)] * 3, strict=True):
        found.append(Stored(head[13:189], head[189:221], record, body))
        assert entry_frame(int.from_bytes(head[5:13], "big"), head[13:189], head[189:221], record, body)[0] == head
    return found


def by_hand(name: str, *fields: bytes) -> bytes:
    tag = b"tallystick/v1/" + name.encode()
    parts = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return hashlib.sha256(bytes([len(tag)]) + tag + parts).digest()


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_s0_040_the_five_sequences_by_hand() -> None:
    sale, refund = document(CASH[0], 1), document(CASH[0], 2, 2_500, day_amount=-2_500, document_type=0x0101)
    batch, outcomes = batch_of(LedgerState(), registration(CASH[0]), sale, refund)
    assert [outcome.log_index for outcome in outcomes] == [0, 1, 2]
    opened, first, second = stored(batch)
    hashes = [sha256(sale.body), sha256(refund.body)]
    leaf_hash = hashlib.sha256(b"\0" + opened.leaf).digest()
    device = by_hand("device-genesis", f"{CASH[0]}-{CASH[0]}".encode(), sha256(CASH[0].encode()), leaf_hash)
    # Salts are drawn in this order: record of the registration, taxpayer, record of the sale.
    taxpayer = by_hand("taxpayer-genesis", bytes([2]) * 32, tin_of(CASH[0]).encode())
    day = by_hand("day-genesis", (20_000).to_bytes(4, "big"))
    total = 0
    for number, (one, body_hash, kind, amount) in enumerate(
        [(first, hashes[0], 0x0100, 10_000), (second, hashes[1], 0x0101, -2_500)], start=1
    ):
        total += amount
        device = by_hand("device-link", device, u64(number), body_hash)
        taxpayer = by_hand("taxpayer-link", taxpayer, u64(number), body_hash)
        kind_bytes = kind.to_bytes(2, "big")
        typed = by_hand("type-link", by_hand("type-genesis", kind_bytes), kind_bytes, u64(1), body_hash)
        day = by_hand("day-link", day, (20_000).to_bytes(4, "big"), u64(number), body_hash, u64(total % 2**64))
        leaf = read_leaf(one.leaf)
        assert leaf.record_commitment == by_hand("record", one.salt, one.record)
        assert (leaf.device_link, leaf.taxpayer_link, leaf.type_link, leaf.day_link) == (device, taxpayer, typed, day)
    assert batch.overlay.days[20_000].total == 7_500


def test_an_event_stands_in_type_and_log_only() -> None:
    batch, _ = batch_of(LedgerState(), registration(CASH[0]))
    leaf = read_leaf(stored(batch)[0].leaf)
    assert (leaf.device_link, leaf.taxpayer_link, leaf.day_link) == (NO_LINK, NO_LINK, NO_LINK)
    assert leaf.type_link == batch.overlay.types[EntryKind.REGISTRY].link


def test_k_16_the_record_keeps_utc_and_offset_and_the_leaf_no_milliseconds() -> None:
    sale = document(CASH[0], 1, received_at_ms=1_700_000_000_999, issued_at_ms=1_700_000_000_123)
    batch, _ = batch_of(LedgerState(), registration(CASH[0]), sale)
    record, leaf = read_record(stored(batch)[1].record), read_leaf(stored(batch)[1].leaf)
    assert (record.issued_at, record.utc_offset_minutes, record.received_at) == (
        "1700000000123", "60", "1700000000999",
    )  # fmt: skip
    assert leaf.received_ms == 1_700_000_000_000


def test_the_record_says_everything_as_text() -> None:
    sale = document(CASH[0], 1, flags=("TS-2002", "TS-1405"), facts={"b": "2", "a": "1"}, refers_to="x", leaf_flags=4)
    batch, _ = batch_of(LedgerState(), registration(CASH[0]), sale)
    record = read_record(stored(batch)[1].record)
    assert record.flags == ("TS-2002", "TS-1405")
    assert list(record.facts) == ["a", "b"]
    assert record.tax_totals == {"A": "2000", "Ђ": "1000"}
    assert (record.kind, record.channel, record.type, record.verdict, record.leaf_flags) == ("1", "1", "256", "4", "4")
    assert record.device == f"{CASH[0]}-{CASH[0]}"
    assert (record.act_hash, record.file_hash) == (sale.act_hash.hex(), sale.file_hash.hex())


def test_i_07_a_batch_that_is_thrown_away_changes_nothing() -> None:
    state = LedgerState()
    opened, _ = batch_of(state, registration(CASH[0]))
    opened.settle(state)
    before = (state.size, state.devices[CASH[0], CASH[0]].copy(), dict(state.types), state.total_bytes)
    batch_of(state, document(CASH[0], 1), document(CASH[0], 7))
    assert before == (state.size, state.devices[CASH[0], CASH[0]], state.types, state.total_bytes)
    assert (state.taxpayers, state.days) == ({}, {})


def test_a_number_that_counts_as_booked_without_a_row_is_our_own_doubt() -> None:
    state = LedgerState()
    batch, _ = batch_of(state, registration(CASH[0]), document(CASH[0], 1))
    batch.settle(state)
    _, [outcome] = batch_of(state, document(CASH[0], 1))
    assert outcome.fault == "TS-5008"


def test_what_the_table_knows_is_answered_as_first() -> None:
    state = LedgerState()
    batch, _ = batch_of(state, registration(CASH[0]), document(CASH[0], 1))
    batch.settle(state)
    sale = document(CASH[0], 1)
    known = {(CASH[0], 1): [KnownAct(CASH[0], sale.act_hash, sha256(sale.body), 1, 4)]}
    again = Batch(state, known, salts()).add(sale)  # type: ignore[arg-type]  # a lambda of the right shape
    assert again == Outcome(1, 4, True, sha256(sale.body))


def test_months_are_those_of_receipt_in_utc() -> None:
    from datetime import UTC, datetime

    assert month_of(unix_ms(datetime(1970, 1, 31, 23, 59, tzinfo=UTC))) == 0
    assert month_of(unix_ms(datetime(2026, 11, 1, tzinfo=UTC))) == (2026 - 1970) * 12 + 10
