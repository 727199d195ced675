"""Proof of audit in trouble: quarantine, crashes between intent and act, sums that disagree, requests that are none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import attrs
import pytest
from audit_live import SETTLE, AuditBench, proof_entries, state

from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.projections.audit import queries
from tallystick.authority.projections.audit.tasks import Done, Indexed
from tallystick.authority.projections.audit.values import (
    RequestState,
)
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.envelope import seal_arp
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money

Test = Callable[[AuditBench], Awaitable[None]]
Run = Callable[[Test], None]
SECOND = timedelta(seconds=1)


def test_i_10_a_quarantined_ordinal_counts_as_received(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        packages = bench.sell(3)
        await bench.deliver(packages[0])
        bench.live.put(bench.live.card, state=SecureElementState.HOLD)
        await bench.deliver(packages[1])
        bench.live.put(bench.live.card)
        assert await bench.ask() == ((3, 3),)
        await bench.deliver(packages[2])
        await bench.after(SETTLE)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert bench.message(command).released == Money(bench.live.card.unaudited)

    run_audit(test)


def test_a_quarantined_document_that_was_booked_after_all_counts_once(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        first, second = bench.sell(2)
        await bench.deliver(first)
        bench.live.put(bench.live.card, state=SecureElementState.HOLD)
        await bench.deliver(second)
        bench.live.put(bench.live.card)
        await bench.deliver(second)
        assert await bench.ask() == ()
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run_audit(test)


def test_the_same_request_gets_the_same_proof(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        request = bench.card.start()
        await bench.ask(request)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.ask(request) == ()
        await bench.after(SETTLE)
        assert await bench.proof_commands() == [command]

    run_audit(test)


def test_intent_before_the_act_a_crash_after_the_intent_gives_the_same_bytes(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        signed: list[bytes] = []
        entered: list[NewEntry] = []
        honest = bench.services

        def sign_and_note(message: bytes) -> bytes:
            signed.append(honest.sign(message))
            return signed[-1]

        def append_then_die(entry: NewEntry) -> Indexed:
            entered.append(entry)
            honest.append(entry)
            raise ConnectionResetError("the power went")

        bench.services = attrs.evolve(honest, sign=sign_and_note, append=append_then_die)
        with pytest.raises(ConnectionResetError):
            await bench.after(SETTLE)
        assert await bench.proof_commands() == []
        bench.services = attrs.evolve(honest, sign=sign_and_note)
        assert (await bench.after(SETTLE)).issued == 1
        assert signed[0] == signed[1]
        await bench.live.shown()
        assert proof_entries(bench) == ["issued"], "the entry that was made twice is one"

    run_audit(test)


def test_ts_1405_a_sum_that_is_not_that_of_the_documents_gets_no_proof(run_audit: Run) -> None:
    """S0-004: under-reporting."""

    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell(2))
        bench.live.card.unaudited += 1
        await bench.ask()
        assert (await bench.after(SETTLE)).issued == 0
        assert await state(bench) == (RequestState.CONTRADICTS, "TS-1405")
        assert await bench.proof_commands() == []

    run_audit(test)


def test_ts_3101_and_ts_3102_a_request_that_is_none_or_of_another_card(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        told = set()
        another = seal_arp(1, b"not a request", bench.live.card.encryption_key)
        for bad in (bytes(260), bench.card.start()[:255], another):
            with pytest.raises(Fault, match="TS-3101") as caught:
                await bench.ask(bad)
            told.add(caught.value.detail)
        assert len(told) == 1, "K-11: opened or not, the answer is the same"
        with pytest.raises(Fault, match="TS-3102"):
            await bench.ask(uid="WXYZ9876")
        assert bench.live.rows("SELECT count(*) FROM audit.request") == [(0,)]

    run_audit(test)


def test_c_01_the_request_without_its_first_four_bytes(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        assert await bench.ask(bench.card.start()[4:]) == ()
        assert (await bench.after(SETTLE)).issued == 1

    run_audit(test)


def test_a_round_without_work_asks_three_short_questions(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        assert await bench.work() == Done(1, 0, 0)
        assert await bench.work() == Done(0, 0, 0), "nothing is looked at before its time"

    run_audit(test)


def test_a_report_for_an_older_start_does_not_end_the_newer_one(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert bench.card.end(bench.message(command))
        await bench.deliver(*bench.sell())
        await bench.ask()
        await bench.report(command, success=True)
        with bench.live.pool.connection() as conn:
            overview = queries.overview(conn, bench.now)
        assert (overview.ended_cycles, overview.open_cycles, overview.waiting) == (1, 1, 1)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run_audit(test)
