"""Who may settle a place of a register as lost, and what nobody can settle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from batch_bench import BatchBench, batches, code_of
from ledger_bench import LedgerFolder
from places_bench import OMAR, VERA, Officers, damaged, unread

from benchmarks.national_till import NationalTill
from tallystick.authority.intake import anchors

Walk = Callable[[BatchBench, Officers], Awaitable[None]]


@pytest.fixture
def ledger(batch_ledger: LedgerFolder) -> LedgerFolder:
    return batch_ledger


def run(ledger: LedgerFolder, walk: Walk, **channels: Any) -> None:
    async def all_of_it() -> None:
        async with batches(ledger, **channels) as bench:
            await walk(bench, Officers(bench))

    asyncio.run(all_of_it())


def head_of(bench: BatchBench, till: NationalTill) -> list[tuple[Any, ...]]:
    """Where its sequence stands in the ledger."""
    return bench.bench.ledger.rows("SELECT seq, link FROM ledger.device_heads WHERE signed_by = %s", till.uid)


def test_two_officers_settle_what_both_saw_and_nothing_else(ledger: LedgerFolder) -> None:
    """One alone cannot; what came or was booked after the question makes it void; a taken place is no hole."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        whole, documents[3] = documents[3], damaged(documents[3])
        await bench.deliver(till, documents)
        number = officers.ask(bench.held(till, 5))
        assert code_of(officers.approve, number, VERA) == "TS-4005"
        assert code_of(officers.ask, bench.held(till, 5), OMAR) == "TS-4004"
        await bench.deliver(till, [*documents[:3], whole, *documents[4:]])  # it was readable after all
        officers.approve(number)
        before = head_of(bench, till)
        await officers.work()
        assert head_of(bench, till) == before
        assert officers.settled(till) == []
        assert officers.hindrance(till, 5).startswith("TS-1408: nothing lacks")
        assert code_of(officers.ask, bench.held(till, 5)) == "TS-1408"

    run(ledger, walk)


def test_what_is_on_its_way_is_not_settled_as_lost(ledger: LedgerFolder) -> None:
    """A batch that is not booked yet, such as one of a register on hold, may hold the document that lacks."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        whole, documents[3] = documents[3], damaged(documents[3])
        await bench.deliver(till, documents)
        number = officers.ask(bench.held(till, 5))
        again = [*documents[:3], whole, *documents[4:]]
        bench.bring(till, bench.seal(till, again))
        assert code_of(officers.ask, bench.held(till, 6)) == "TS-1408"
        before = head_of(bench, till)
        officers.approve(number)
        await officers.work()
        assert (head_of(bench, till), officers.settled(till)) == (before, [])
        assert "not booked yet" in officers.hindrance(till, 5)
        await bench.book()
        assert head_of(bench, till) != before

    run(ledger, walk)


@pytest.mark.soak
def test_another_presentation_makes_the_request_void(ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        documents[3] = damaged(documents[3])
        await bench.deliver(till, documents)
        number = officers.ask(bench.held(till, 5))
        documents[3] = unread(documents[3])
        await bench.deliver(till, documents)
        officers.approve(number)
        await officers.work()
        assert officers.settled(till) == []
        assert "ask anew" in officers.hindrance(till, 5)
        await officers.settle(bench.held(till, 5))
        assert officers.settled(till) == [(4, 4, True, "")]
        kept = "SELECT count(*) FROM intake.evidence WHERE signed_by = %s AND entry_index IS NOT NULL"
        assert ledger.rows(kept, till.uid) == [(2,)], "both presentations are evidence in the ledger"

    run(ledger, walk)


def test_k_05_a_revoked_signer_names_no_place_to_go_on_from(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief could sign a document far ahead, and have all in between given up."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        documents[3] = unread(documents[3])
        await bench.deliver(till, documents)
        held = bench.held(till, 5)
        revocation = (held.received_at - timedelta(minutes=1), True)
        monkeypatch.setattr(anchors, "_revocation", lambda conn, uids: revocation)
        assert code_of(officers.ask, held) == "TS-3040"

    run(ledger, walk)


@pytest.mark.soak
def test_a_worker_that_dies_behind_the_ledger_enters_the_place_once(ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        documents[3] = damaged(documents[3])
        await bench.deliver(till, documents)
        officers.approve(officers.ask(bench.held(till, 5)))
        for dies_after in (1, 2, 2, 2):  # at the place, its evidence, the first and the second document behind it
            officers.dies_after = dies_after
            with pytest.raises(RuntimeError):
                await officers.work()
            bench.later(seconds=1)
        await officers.work()
        assert officers.settled(till) == [(4, 4, True, "")]
        entries = "SELECT count(*) FROM ledger.device_links d JOIN ledger.leaves l USING (log_index)"
        kinds = " WHERE d.signed_by = %s AND get_byte(l.leaf, 4) = 15"
        assert ledger.rows(entries + kinds, till.uid) == [(1,)]
        left = "SELECT count(*) FROM intake.quarantine WHERE signed_by = %s AND state <> 'readmitted'"
        assert ledger.rows(left, till.uid) == [(0,)]
        assert bench.codes(till, 5, 6) == [(), ("TS-1409",)]

    run(ledger, walk)
