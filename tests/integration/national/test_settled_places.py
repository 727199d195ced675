"""A place of a register that is lost: two officers settle it, what is behind it is booked, the hole stays seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import second_verifier
from batch_bench import BatchBench, batches, code_of
from ledger_bench import ORIGIN, LedgerFolder, lines
from mixed_ledger import BOTH, TRUCK, MixedLedger
from places_bench import Officers, damaged, unread
from psycopg.conninfo import make_conninfo

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.held import Decision
from tallystick.authority.ledger.cross_proof import Verdict, cross_proof
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.ledger.findings import Shows
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.hashing import device_link
from tallystick.kernel.national_document import DocumentKind
from tallystick.verifier.breaks import Break
from tallystick.verifier.policy import read_policy
from tallystick.verifier.report import outcome_text
from tallystick.verifier.run import Outcome, verify
from tallystick.wire.document_jws import read_signed
from tallystick.wire.record import read_record
from tallystick.wire.settled_place import read_settled_place

Walk = Callable[[BatchBench, Officers], Awaitable[None]]


@pytest.fixture
def ledger(batch_ledger: LedgerFolder) -> LedgerFolder:
    return batch_ledger


def run(ledger: LedgerFolder, walk: Walk, **channels: Any) -> None:
    async def all_of_it() -> None:
        async with batches(ledger, **channels) as bench:
            await walk(bench, Officers(bench))

    asyncio.run(all_of_it())


def facts_of(bench: BatchBench, till: NationalTill, sequence: int) -> dict[str, str]:
    """The facts of a booked document's record."""
    rows = bench.bench.ledger.rows(
        "SELECT r.record FROM ledger.identity i JOIN ledger.records r USING (log_index)"
        " WHERE i.signed_by = %s AND i.se_total = %s",
        till.uid,
        sequence,
    )
    return dict(read_record(rows[0][0]).facts)


def head_of(bench: BatchBench, till: NationalTill) -> list[tuple[Any, ...]]:
    """Where its sequence stands in the ledger."""
    return bench.bench.ledger.rows("SELECT seq, link FROM ledger.device_heads WHERE signed_by = %s", till.uid)


# --- the whole story, with the certificates that an export needs ----------------------------------------------------


@pytest.fixture(scope="module")
def mixed(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedLedger]:
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE places TEMPLATE tallystick STRATEGY file_copy")
        dsn = make_conninfo(_hasty_server, dbname="places")
        with psycopg.connect(dsn) as connection:
            since = datetime.now(UTC) - timedelta(days=1)
            yield MixedLedger.make(tmp_path_factory.mktemp("places"), dsn, connection, since)
        administrator.execute("DROP DATABASE places WITH (FORCE)")


def verified(mixed: MixedLedger, folder: Path, **scope: Any) -> tuple[Outcome, list[Break]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.authority.ledger.export.PART_ENTRIES", 16)
        patch.setattr("tallystick.wire.ledger_export.PART_ENTRIES", 16)
        export_ledger(mixed.dsn, folder, ExportScope(**scope), issuers=mixed.issuers)
        found: list[Break] = []
        return verify(folder, read_policy(mixed.signed.policy()), workers=1, found=found.append), found


def test_s0_061_after_a_bad_sector_later_receipts_are_booked_and_the_hole_stays(
    mixed: MixedLedger, tmp_path: Path
) -> None:
    """One receipt is damaged in the memory; the rest of its shift and the next one stand apart until it is settled."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = NationalTill(TRUCK, BOTH, ORIGIN, link=mixed.truck.device.link)
        till.device = mixed.truck.device
        bench.bench.registry.enter(till, DeviceClass.HARDWARE, bench.now)
        bench.heard(till.uid)
        first = [till.register(bench.now), *till.day(bench.now, 4)]
        first[3] = damaged(first[3])
        receipt = await bench.deliver(till, first)
        assert (receipt["booked"], receipt["refused"], receipt["apart"]) == ("3", "1", "3")
        second = await bench.deliver(till, till.day(bench.now, 2))
        assert (second["booked"], second["apart"]) == ("0", "4")
        await officers.settle(bench.held(till, 5))
        assert officers.settled(till) == [(4, 4, True, "")]
        assert bench.codes(till, 5, 6, 7, 8, 11) == [(), (), ("TS-1409",), (), ()]
        assert facts_of(bench, till, 7)["unaccounted sales"] == "1 5.7000"
        assert facts_of(bench, till, 7)["unaccounted turnover"] == "5.7000"
        assert bench.matters(till) == ["batch-apart", "batch-apart", "place-settled", "shift-lacks"]
        third = await bench.deliver(till, till.day(bench.now, 2))
        assert (third["booked"], third["flagged"], third["apart"]) == ("4", "0", "0")
        assert await bench.bench.code(till, till.open_shift(bench.now)) == ""
        assert officers.settled(till) == [(4, 4, True, "")]

    run(mixed.signed.ledger, walk)
    assert not (found := mixed.signed.ledger.sweep()), "\n".join(lines(found))
    outcome, breaks = verified(mixed, tmp_path / "export")
    assert breaks == []
    [(index, place)] = outcome.settled
    assert (place.device, place.first, place.last, place.asked_by, place.approved_by) == (TRUCK, 4, 4, "vera", "omar")
    assert list(place.presented.values()) == [4]
    assert outcome.tally["settled places"] == 1
    said = "\n".join(outcome_text(outcome, None))
    assert f"settled place: device {TRUCK}, numbers 4 to 4 are lost, entry {index}, by vera and omar" in said
    wrong, root = second_verifier.check(tmp_path / "export")
    assert (wrong, root) == ([], second_verifier.newest_root(tmp_path / "export"))
    chosen, breaks = verified(mixed, tmp_path / "device", device=(TRUCK, TRUCK))
    assert breaks == []
    assert chosen.settled == outcome.settled
    hole = "SELECT first_ordinal, last_ordinal FROM ledger.holes WHERE signed_by = %s AND first_ordinal <= last_ordinal"
    assert mixed.signed.ledger.rows(hole, TRUCK) == [(4, 4)]


# --- what lies in the hole ---------------------------------------------------------------------------------------


@pytest.mark.soak
def test_a_block_that_held_a_closing_and_an_opening_is_settled_as_one(ledger: LedgerFolder) -> None:
    """Links within it are nobody's knowledge any more; the document behind it names the last one."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        first = [till.register(bench.now), *till.day(bench.now, 2)]  # 1, then 2 to 5
        second = till.day(bench.now, 3)  # 6 to 10
        whole = [*first, *second]
        for place in (4, 5, 6):
            whole[place - 1] = unread(whole[place - 1])
        receipt = await bench.deliver(till, whole)
        assert (receipt["booked"], receipt["refused"], receipt["apart"]) == ("3", "3", "4")
        assert receipt["codes"]["TS-1312"] == "3"
        await officers.settle(bench.held(till, 7))
        assert officers.settled(till) == [(4, 6, True, "")]
        assert bench.codes(till, 7, 8, 9, 10) == [("TS-1409",)] * 4, "which shift they belong to cannot be judged"
        assert facts_of(bench, till, 10)["unaccounted turnover"] == "5.7000"
        after = await bench.deliver(till, till.day(bench.now, 1))
        assert (after["booked"], after["flagged"]) == ("3", "0")
        [whose] = [one for one in cross_proof(ledger.dsn) if one.shows is Shows.DEVICE and one.key[0] == till.uid]
        assert (whose.verdict, whose.length, whose.beside) == (Verdict.COMPLETE, 13, 2)

    run(ledger, walk)


@pytest.mark.soak
def test_a_document_that_two_officers_rejected_leaves_a_place_to_settle(ledger: LedgerFolder) -> None:
    """Its bytes are named, and here the link behind it is the one that they make."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), till.open_shift(bench.now)]
        till.build = "cd" * 32
        documents.append(till.sell(bench.now))
        till.build = "ab" * 32
        documents += [till.sell(bench.now), till.report(bench.now)]
        receipt = await bench.deliver(till, documents)
        assert (receipt["booked"], receipt["apart"]) == ("2", "3")
        assert code_of(officers.ask, bench.held(till, 4)) == "TS-1408", "number 3 is not decided upon"
        await officers.decide(bench.held(till, 3), Decision.REJECT)
        await officers.settle(bench.held(till, 4))
        assert bench.codes(till, 4, 5) == [(), ("TS-1409",)]
        [(body,)] = ledger.rows("SELECT body FROM intake.settled_place WHERE uid = %s", till.uid)
        place, lost = read_settled_place(bytes(body)), read_signed(documents[2])
        assert place.presented == {lost.body_hash.hex(): 3}
        assert place.next == device_link(place.previous, 3, lost.body_hash)

    run(ledger, walk)


def test_ts_1409_sales_of_a_shift_whose_opening_is_lost_carry_the_code_until_its_closing(ledger: LedgerFolder) -> None:
    """Also those that come in a batch of their own after the place is settled, many at a time."""

    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), unread(till.open_shift(bench.now)), till.sell(bench.now)]
        await bench.deliver(till, [*documents, till.report(bench.now, DocumentKind.STATUS)])
        await officers.settle(bench.held(till, 3))
        later = [till.sell(bench.now), till.sell(bench.now), till.sell(bench.now), till.report(bench.now)]
        assert (await bench.deliver(till, later))["flagged"] == "4"
        assert bench.codes(till, *range(3, 9)) == [("TS-1409",)] * 6
        assert "shift-lacks" in bench.matters(till)

    run(ledger, walk)


@pytest.mark.soak
def test_what_stands_behind_a_second_hole_waits_for_its_own_decision(ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 6)]
        documents[2], documents[5] = damaged(documents[2]), damaged(documents[5])
        receipt = await bench.deliver(till, documents)
        assert (receipt["booked"], receipt["refused"], receipt["apart"]) == ("2", "2", "5")
        assert code_of(officers.ask, bench.held(till, 7)) == "TS-1408", "numbers 4 and 5 are not decided upon"
        await officers.settle(bench.held(till, 4))
        assert [number for number, _ in bench.apart(till)] == [4, 5, 7, 8, 9]
        states = "SELECT ordinal FROM intake.quarantine WHERE signed_by = %s AND state = 'received' ORDER BY 1"
        assert ledger.rows(states, till.uid) == [(7,), (8,), (9,)]
        await officers.settle(bench.held(till, 7))
        assert ledger.rows(states, till.uid) == []
        assert officers.settled(till) == [(3, 3, True, ""), (6, 6, True, "")]
        assert facts_of(bench, till, 9)["unaccounted sales"] == "2 11.4000"

    run(ledger, walk)


def test_ts_1410_the_lost_document_found_again_is_kept_and_takes_no_place(ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench, officers: Officers) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), *till.day(bench.now, 3)]
        found = documents[3]
        documents[3] = damaged(found)
        await bench.deliver(till, documents)
        await officers.settle(bench.held(till, 5))
        before = head_of(bench, till)
        assert await bench.bench.code(till, found) == "TS-1410"
        assert head_of(bench, till) == before
        again = await bench.deliver(till, [*documents[:3], found, *documents[4:]])
        assert (again["booked"], again["apart"]) == ("5", "1")
        assert (4, ["TS-1410"]) in bench.apart(till)
        assert bench.matters(till).count("place-settled") == 1

    run(ledger, walk)
