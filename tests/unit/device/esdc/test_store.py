"""What a store remembers of sales and packages (S2-081 to S2-085, K-07)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.store import Intent, SaleState, Store
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import EPOCH


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "esdc.db", uid="TL5SYCK1", environment="1.9", storage=Storage(answers_kept=3))
    yield made
    made.close()


def intent(number: int, request_id: str | None = None, request: bytes = b"request") -> Intent:
    return Intent(
        request_id=request_id,
        request_hash=sha256(request),
        request=request,
        language="en-US",
        time_ms=1000 * number,
        group_id=5,
        taxes=b"taxes",
        sign_request=b"sign",
        counter_before=number - 1,
    )


def sold(store: Store, number: int, request_id: str | None = None) -> int:
    sale = store.keep_intent(intent(number, request_id))
    store.keep_packaged(sale, number, b"package %d" % number, b"answer %d" % number)
    return sale


def settle(store: Store, judged: list[tuple[int, int]], *, keep_until_proof: bool) -> None:
    store.settle(judged, keep_until_proof=keep_until_proof, now=EPOCH)
    store.write_notes()


def state(store: Store, ordinal: int) -> SaleState:
    record = store.record(ordinal)
    assert record is not None
    return record[0]


def test_an_open_intent_comes_back_as_it_was_kept(store: Store) -> None:
    kept = intent(1, "r1")
    sale = store.keep_intent(kept)
    (found,) = store.open_intents()
    assert (found.sale, found.state, found.intent, found.sign_answer) == (sale, SaleState.INTENT, kept, None)
    store.keep_signed(sale, b"signed")
    (found,) = store.open_intents()
    assert (found.state, found.sign_answer) == (SaleState.SIGNED, b"signed")
    store.keep_packaged(sale, 1, b"package", b"answer")
    assert store.open_intents() == []
    assert store.newest().ordinal == 1
    assert store.newest().time_ms == 1000


def test_a_voided_intent_is_kept_but_not_open(store: Store) -> None:
    store.void(store.keep_intent(intent(1)))
    assert store.open_intents() == []
    assert store.newest().ordinal == 0


def test_a_gap_takes_its_ordinal(store: Store) -> None:
    store.keep_gap(store.keep_intent(intent(1)), 1, b"what is known", 5)
    assert store.gaps() == {1: b"what is known"}
    assert store.newest().ordinal == 1
    assert store.waiting(10) == []


def test_answered_is_written_with_the_next_commit(store: Store) -> None:
    store.note_answered(sold(store, 1))
    assert state(store, 1) is SaleState.PACKAGED
    sold(store, 2)
    assert state(store, 1) is SaleState.ANSWERED


def test_answers_are_found_by_id_and_bytes_and_the_newest_are_kept(store: Store) -> None:
    for number in range(1, 6):
        sold(store, number, f"r{number}")
    assert store.find_answer("r5", sha256(b"request")) == b"answer 5"
    assert store.find_answer("r5", sha256(b"other")) is None
    assert store.newest_answer("r3") == b"answer 3"
    assert store.newest_answer("r2") is None


def test_an_id_used_again_gives_the_newest_answer(store: Store) -> None:
    sold(store, 1, "same")
    sold(store, 2, "same")
    assert store.newest_answer("same") == b"answer 2"


def test_a_sale_without_id_keeps_no_answer(store: Store) -> None:
    sold(store, 1)
    assert store._database.rows("newest_answer", {"request_id": None}) == []


def test_s2_085_only_4_delivers_only_1_waits_and_others_are_kept(store: Store) -> None:
    statuses = {1: 4, 2: 1, 3: 0, 4: 2, 5: 67, 6: 78}
    for ordinal in statuses:
        sold(store, ordinal)
    settle(store, list(statuses.items()), keep_until_proof=False)
    assert [ordinal for ordinal, _ in store.waiting(10)] == [2]
    assert store.package(1) is None
    assert [store.package(ordinal) is not None for ordinal in (2, 3, 4, 5, 6)] == [True] * 5
    assert [state(store, ordinal) for ordinal in (1, 3, 6)] == [SaleState.DELIVERED, SaleState.KEPT, SaleState.KEPT]


def test_k_07_the_hash_record_outlives_the_package(store: Store) -> None:
    sold(store, 1)
    settle(store, [(1, 4)], keep_until_proof=False)
    assert store.record(1) == (SaleState.DELIVERED, sha256(b"package 1"), 4)


def test_k_07_with_retention_until_proof_status_4_keeps_the_package(store: Store) -> None:
    for ordinal in (1, 2, 3):
        sold(store, ordinal)
    settle(store, [(1, 4), (2, 4)], keep_until_proof=True)
    assert store.held_count() == 3
    assert [ordinal for ordinal, _ in store.waiting(10)] == [3]
    store.audit.open(2, 1)
    cycle = store.audit.newest()
    assert cycle is not None
    store.audit.note_started(cycle.cycle, b"arp", 10, 100)
    store.audit.finish(cycle)
    assert store.package(2) is None
    assert store.package(3) is not None
    assert state(store, 2) is SaleState.AUDITED
    assert store.record(2) == (SaleState.AUDITED, sha256(b"package 2"), 4)


def test_packages_wait_oldest_first_and_from_beyond_an_ordinal(store: Store) -> None:
    for ordinal in (1, 2, 3, 4):
        sold(store, ordinal)
    assert [ordinal for ordinal, _ in store.waiting(2)] == [1, 2]
    assert [ordinal for ordinal, _ in store.waiting(2, after=2)] == [3, 4]
    assert store.waiting_count() == 4


def test_missing_ordinals_wait_again_where_the_package_is_still_held(store: Store) -> None:
    for ordinal in (1, 2, 3):
        sold(store, ordinal)
    settle(store, [(1, 4)], keep_until_proof=False)
    settle(store, [(2, 4), (3, 67)], keep_until_proof=True)
    store.send_again([(1, 3)])
    assert [ordinal for ordinal, _ in store.waiting(10)] == [2, 3]


def test_a_judged_package_is_not_judged_twice(store: Store) -> None:
    sold(store, 1)
    settle(store, [(1, 4)], keep_until_proof=True)
    settle(store, [(1, 67)], keep_until_proof=True)
    assert state(store, 1) is SaleState.DELIVERED


def test_freed_pages_do_not_count_as_used(store: Store) -> None:
    for ordinal in range(1, 60):
        store.keep_packaged(store.keep_intent(intent(ordinal)), ordinal, bytes(5000), b"")
    full = store.used_bytes()
    assert full > 59 * 5000
    settle(store, [(ordinal, 4) for ordinal in range(1, 60)], keep_until_proof=False)
    assert store.used_bytes() < full - 50 * 5000
