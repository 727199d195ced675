"""Proof of audit as conversations: the published cases, late packages, quarantine, restarts (S2-086 to S2-119)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from audit_live import SETTLE, AuditBench
from intake_live import live_intake

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.projections.audit import queries
from tallystick.authority.projections.audit.tasks import Done, Indexed
from tallystick.authority.projections.audit.values import (
    AuditFacts,
    Decision,
    Prove,
    RequestState,
)
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money

Test = Callable[[AuditBench], Awaitable[None]]
Run = Callable[[Test], None]
SECOND = timedelta(seconds=1)


@pytest.fixture
def run(database: str, tmp_path: Path, rsa_keys: list[PrivateKey], pack: CountryPack) -> Run:
    """Runs a test over a live intake."""

    def runner(test: Test) -> None:
        async def main() -> None:
            async with live_intake(database, tmp_path, rsa_keys, pack) as live:
                await test(AuditBench.over(live, tmp_path, rsa_keys))

        asyncio.run(main())

    return runner


async def state(bench: AuditBench) -> tuple[RequestState, str]:
    """Where the newest request stands."""
    with bench.live.pool.connection() as conn:
        card = queries.card(conn, bench.card.card.uid)
    assert card is not None
    return card.state, card.code


def proof_entries(bench: AuditBench) -> list[str]:
    """Events of kind 0C in the ledger, in order."""
    with bench.live.pool.connection() as conn:
        entries = list(ledger.documents_between(conn, 0, ledger.acked_size(conn)))
    kind = str(int(EntryKind.PROOF_OF_AUDIT))
    return [json.loads(entry.body)["event"] for entry in entries if entry.facts.kind == kind]


def test_s2_117_case_1_one_package_an_audit(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        assert await bench.ask() == ()
        assert await bench.after(SETTLE - SECOND) == Done(1, 0, 0), "the time to settle has not passed"
        assert await bench.after(SECOND) == Done(1, 1, 0)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)
        assert bench.live.card.unaudited == 0
        assert await bench.work() == Done(0, 0, 1)
        await bench.live.shown()
        assert proof_entries(bench) == ["issued", "executed"]
        assert await state(bench) == (RequestState.ENDED, "")
        with bench.live.pool.connection() as conn:
            overview = queries.overview(conn)
        assert (overview.open_cycles, overview.ended_cycles, overview.executed) == (0, 1, 1)

    run(test)


def test_s2_117_a_failed_end_audit_leaves_the_cycle_open(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        await bench.report(command, success=False)
        assert await bench.proof_commands() == []
        assert await state(bench) == (RequestState.PROVEN, "")
        with bench.live.pool.connection() as conn:
            assert queries.overview(conn).open_cycles == 1
        await bench.ask()
        await bench.work()
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run(test)


def test_s2_118_case_2_invoices_after_the_start_stay_unaudited(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        card = bench.live.card
        await bench.deliver(*bench.sell(3))
        await bench.ask()
        start_sum = card.unaudited
        later = bench.sell(3)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert bench.message(command).released == Money(start_sum)
        await bench.deliver(*later)
        rest = card.unaudited - start_sum
        assert await bench.execute(command)
        assert card.unaudited == rest > 0
        await bench.ask()
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert bench.message(command).released == Money(rest)
        assert await bench.execute(command)
        assert card.unaudited == 0

    run(test)


def test_s2_114_case_2a_the_pause_runs_from_the_last_arrival(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        first, second = bench.sell(2)
        await bench.deliver(first)
        assert await bench.ask() == ((2, 2),)
        bench.now += SETTLE - SECOND
        await bench.deliver(second)
        assert (await bench.after(SECOND)).issued == 0
        assert (await bench.after(SETTLE - 2 * SECOND)).issued == 0
        assert (await bench.after(SETTLE)).issued == 1

    run(test)


def test_s2_115_s2_119_case_3_the_newest_start_wins(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell(3))
        await bench.ask()
        await bench.after(SETTLE)
        (old,) = await bench.proof_commands()
        await bench.deliver(*bench.sell(2))
        await bench.ask()
        await bench.after(SETTLE)
        (new,) = await bench.proof_commands()
        assert new.command_id != old.command_id
        assert not bench.card.end(bench.message(old)), "the card rejects the proof of the first start"
        assert await bench.execute(new)
        assert bench.live.card.unaudited == 0, "everything up to the second start is proven"
        with bench.live.pool.connection() as conn:
            overview = queries.overview(conn)
        assert (overview.ended_cycles, overview.open_cycles) == (1, 0)

    run(test)


def test_s2_115_a_start_that_was_superseded_is_never_proven(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        first = bench.card.start()
        second = bench.card.start()
        await bench.ask(second)
        assert await bench.ask(first) == ()
        assert (await bench.after(SETTLE)).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).audit_sequence == 2

    run(test)


def test_s2_116_k_13_a_missing_package_is_named_and_blocks_the_proof(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        packages = bench.sell(6)
        await bench.deliver(packages[0], packages[3])
        assert await bench.ask() == ((2, 3), (5, 6))
        for _ in range(5):
            assert (await bench.after(10 * SETTLE)).issued == 0
        assert await state(bench) == (RequestState.INCOMPLETE, "TS-1406")
        with bench.live.pool.connection() as conn:
            (missing,) = queries.missing_by_card(conn)
        assert missing.missing == ((2, 3), (5, 6))
        await bench.deliver(packages[1], packages[2], packages[4], packages[5])
        await bench.after(SETTLE)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run(test)


def test_i_10_a_quarantined_ordinal_counts_as_received(run: Run) -> None:
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

    run(test)


def test_the_same_request_gets_the_same_proof(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        request = bench.card.start()
        await bench.ask(request)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.ask(request) == ()
        await bench.after(SETTLE)
        assert await bench.proof_commands() == [command]

    run(test)


def test_intent_before_the_act_a_crash_after_the_intent_gives_the_same_bytes(run: Run) -> None:
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

    run(test)


def test_ts_1405_a_sum_that_is_not_that_of_the_documents_gets_no_proof(run: Run) -> None:
    """S0-004: under-reporting."""

    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell(2))
        bench.live.card.unaudited += 1
        await bench.ask()
        assert (await bench.after(SETTLE)).issued == 0
        assert await state(bench) == (RequestState.CONTRADICTS, "TS-1405")
        assert await bench.proof_commands() == []

    run(test)


def test_ts_3101_and_ts_3102_a_request_that_is_none_or_of_another_card(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        for bad in (bytes(260), bench.card.start()[:255]):
            with pytest.raises(Fault, match="TS-3101"):
                await bench.ask(bad)
        with pytest.raises(Fault, match="TS-3102"):
            await bench.ask(uid="WXYZ9876")
        assert bench.live.rows("SELECT count(*) FROM audit.request") == [(0,)]

    run(test)


def test_c_01_the_request_without_its_first_four_bytes(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        assert await bench.ask(bench.card.start()[4:]) == ()
        assert (await bench.after(SETTLE)).issued == 1

    run(test)


def test_a_round_without_work_asks_three_short_questions(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        assert await bench.work() == Done(1, 0, 0)
        assert await bench.work() == Done(0, 0, 0), "nothing is looked at before its time"

    run(test)


def test_a_report_for_an_older_start_does_not_end_the_newer_one(run: Run) -> None:
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
            overview = queries.overview(conn)
        assert (overview.ended_cycles, overview.open_cycles, overview.waiting) == (1, 1, 1)
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run(test)


class Always:
    """A strategy of another kind (S2-106)."""

    def decide(self, facts: AuditFacts, now: object) -> Decision:
        """Trusts the card."""
        return Prove(facts.request.unaudited, Money(7))


def test_s2_106_another_strategy_can_take_its_place(run: Run) -> None:
    async def test(bench: AuditBench) -> None:
        bench.sell(3)
        bench.services = attrs.evolve(bench.services, strategy=Always())
        await bench.ask()
        assert (await bench.work()).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).new_limit == Money(7)

    run(test)
