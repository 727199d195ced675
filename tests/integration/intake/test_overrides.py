"""Four eyes over a proof of audit: one officer asks, another approves, late documents are reconciled (S2-104)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
from audit_live import PAUSE, SETTLE, AuditBench, state
from officers import REASON, Office, stuck

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.audit import store
from tallystick.authority.projections.audit.values import RequestState
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.kernel.fixed_point import Money

Test = Callable[[AuditBench], Awaitable[None]]
Run = Callable[[Test], None]
DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


def entry_of_proof(bench: AuditBench) -> dict[str, str]:
    """The facts of the newest entry of kind 0C."""
    with bench.live.pool.connection() as conn:
        entries = [ledger.document_by_index(conn, index) for index in range(ledger.acked_size(conn))]
    kind = str(int(EntryKind.PROOF_OF_AUDIT))
    facts: dict[str, str] = [json.loads(one.body) for one in entries if one is not None and one.facts.kind == kind][-1]
    return facts


def test_s2_104_two_officers_release_a_card_and_late_documents_are_reconciled(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, lost = await stuck(bench)
        uid, full = bench.card.card.uid, bench.live.card.unaudited
        number = office.ask("vera", uid, bench.now)
        assert (await bench.work()).issued == 0, "TS-3105: one officer's word releases nothing"
        assert await state(bench) == (RequestState.INCOMPLETE, "TS-1406")
        office.approve("omar", number, bench.now)
        assert (await bench.work()).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).released == Money(full)
        assert await bench.execute(command)
        assert bench.live.card.unaudited == 0
        await bench.work()
        await bench.live.shown()
        (standing,) = office.standings()
        presumed = standing.override.presumed
        assert presumed.scaled == full // 6 * 3, "what the card counted above the documents"

        await bench.deliver(*lost[:2])
        (standing,) = office.standings()
        assert (standing.lacking, standing.arrived_count, standing.contradicts) == (((6, 6),), 2, False)
        assert standing.rest.scaled == presumed.scaled // 3
        await bench.deliver(lost[2])
        (standing,) = office.standings()
        assert (standing.lacking, standing.rest, standing.contradicts) == ((), Money(0), False)
        assert bench.live.rows("SELECT count(*) FROM ledger.identity WHERE signed_by = %s", uid) == [(6,)]

        await bench.deliver(*bench.sell())
        assert await bench.ask() == (), "the next audit is an ordinary one"
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run_audit(test)


def test_s2_104_the_ledger_says_on_whose_word_and_why(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        office.approve("omar", office.ask("vera", bench.card.card.uid, bench.now), bench.now)
        await bench.work()
        await bench.live.shown()
        entry = entry_of_proof(bench)
        assert (entry["event"], entry["override"]) == ("issued", "yes")
        assert (entry["askedBy"], entry["approvedBy"], entry["reason"]) == ("vera", "omar", REASON)
        assert entry["excused"] == "2-2,5-6"
        assert int(entry["presumed"]) == bench.live.card.unaudited // 2

    run_audit(test)


def test_s2_104_a_newer_start_of_the_card_keeps_the_officers_word(run_audit: Run) -> None:
    """A device starts anew long before two officers have met; their word is of the card, not of one start (S2-115)."""

    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        number = office.ask("vera", bench.card.card.uid, bench.now)
        await bench.deliver(*bench.sell(2))
        await bench.ask()
        bench.now += SETTLE
        office.approve("omar", number, bench.now)
        assert (await bench.work()).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).audit_sequence == 2
        assert await bench.execute(command)
        assert bench.live.card.unaudited == 0

    run_audit(test)


def test_s2_104_another_hole_is_not_excused(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        office.approve("omar", office.ask("vera", bench.card.card.uid, bench.now), bench.now)
        seventh, eighth = bench.sell(2)
        await bench.deliver(eighth)
        assert await bench.ask() == ((7, 7),), "what was excused is not asked for; the new hole is"
        assert (await bench.after(SETTLE)).issued == 0
        await bench.deliver(seventh)
        assert (await bench.after(SETTLE)).issued == 1

    run_audit(test)


def test_s2_104_the_sum_must_agree_with_what_was_presumed(run_audit: Run) -> None:
    """The officers' word is about lost documents, not about a card that counts something else afterwards."""

    async def test(bench: AuditBench) -> None:
        office, lost = await stuck(bench)
        office.approve("omar", office.ask("vera", bench.card.card.uid, bench.now), bench.now)
        bench.live.card.unaudited += 1
        await bench.ask()
        await bench.deliver(*lost)
        await bench.after(2 * SETTLE)
        assert await state(bench) == (RequestState.CONTRADICTS, "TS-1405")
        assert await bench.proof_commands() == []

    run_audit(test)


def test_s2_104_a_presumption_ends_when_the_documents_have_come(run_audit: Run) -> None:
    """The card counted one too many when the officers were asked; the documents show it, so nothing is proven."""

    async def test(bench: AuditBench) -> None:
        office, lost = await stuck(bench)
        bench.live.card.unaudited += 1
        await bench.ask()
        await bench.after(SETTLE)
        number = office.ask("vera", bench.card.card.uid, bench.now)
        await bench.deliver(*lost)
        office.approve("omar", number, bench.now)
        assert (await bench.after(2 * SETTLE)).issued == 0
        assert await state(bench) == (RequestState.CONTRADICTS, "TS-1405")
        assert office.standings()[0].contradicts

    run_audit(test)


def test_ts_1405_two_officers_may_decide_about_a_contradiction_too(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell(2))
        bench.live.card.unaudited += 7
        await bench.ask()
        await bench.after(SETTLE)
        assert await state(bench) == (RequestState.CONTRADICTS, "TS-1405")
        office = Office.of(bench.live.dsn)
        office.approve("omar", office.ask("vera", bench.card.card.uid, bench.now), bench.now)
        assert office.standings()[0].override.presumed == Money(7)
        assert (await bench.work()).issued == 1
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run_audit(test)


def test_s2_104_a_late_document_in_quarantine_counts_in_the_reconciliation(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, lost = await stuck(bench)
        office.approve("omar", office.ask("vera", bench.card.card.uid, bench.now), bench.now)
        await bench.work()
        bench.live.put(bench.live.card, state=SecureElementState.HOLD)
        await bench.deliver(*lost)
        (standing,) = office.standings()
        assert (standing.lacking, standing.rest) == ((), Money(0))

    run_audit(test)


def test_k_13_what_the_device_has_lost_is_kept_for_the_officer(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await stuck(bench)
        gone = ((1, 2), (6, 9))
        with bench.live.pool.connection() as conn:
            bench.desk.receive_request(
                conn, bench.card.card.uid, bench.card.request(), Money(0), Money(0), bench.now, gone
            )
        assert bench.live.rows("SELECT gone FROM audit.request") == [([2, 2, 6, 6],)], "only what is missing indeed"

    run_audit(test)


def test_s2_106_the_trusted_wait_after_a_contradiction(run_audit: Run) -> None:
    """The history that the second strategy asks for is that of the taxpayer, and is not forgotten."""

    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        bench.live.card.unaudited += 1
        await bench.ask()
        await bench.after(PAUSE)
        bench.live.card.unaudited -= 1
        await bench.ask()
        await bench.after(PAUSE)
        assert await state(bench) == (RequestState.PROVEN, "")
        with psycopg.connect(bench.live.dsn) as conn:
            assert store.contradictions(conn, bench.card.card.uid) == 0, "a card that the registry does not know"
            for uid in (bench.card.card.uid, "SISTER01"):
                enter_in_registry(conn, uid)
            assert store.contradictions(conn, "SISTER01") == 1, "another card of the same taxpayer"

    run_audit(test)


def enter_in_registry(conn: psycopg.Connection[Any], uid: str) -> None:
    """A card of one taxpayer, with nothing about it but what must be there."""
    conn.execute(
        "INSERT INTO registry.taxpayer (tin, business_name) VALUES ('123456789', 'Shop') ON CONFLICT (tin) DO NOTHING"
    )
    conn.execute(
        """INSERT INTO registry.secure_element (uid, tin, business_name, location_name, address, district, city,
               country, certificate, certificate_hash, not_before, not_after, environment_x, environment_y,
               encryption_key, limit_amount)
           VALUES (%s, '123456789', '', '', '', '', '', '', '', sha256(%s::bytea), now(), 'infinity', 1, 9, '', 1)""",
        [uid, uid.encode()],
    )
