"""Proof of audit as conversations: the published cases, late packages, quarantine, restarts (S2-086 to S2-119)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import attrs
from audit_live import PAUSE, SETTLE, AuditBench, proof_entries, state

from tallystick.authority.projections.audit import queries
from tallystick.authority.projections.audit.tasks import Done
from tallystick.authority.projections.audit.values import (
    AuditFacts,
    Decision,
    Prove,
    RequestState,
)
from tallystick.kernel.fixed_point import Money

Test = Callable[[AuditBench], Awaitable[None]]
Run = Callable[[Test], None]
SECOND = timedelta(seconds=1)


def test_s2_117_case_1_one_package_an_audit(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        assert await bench.ask() == ()
        assert await bench.after(PAUSE - SECOND) == Done(1, 0, 0), "the time to settle has not passed"
        assert await bench.after(SECOND) == Done(1, 1, 0)
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)
        assert bench.live.card.unaudited == 0
        assert await bench.work() == Done(0, 0, 1)
        await bench.live.shown()
        assert proof_entries(bench) == ["issued", "executed"]
        assert await state(bench) == (RequestState.ENDED, "")
        with bench.live.pool.connection() as conn:
            overview = queries.overview(conn, bench.now)
        assert (overview.open_cycles, overview.ended_cycles, overview.executed) == (0, 1, 1)

    run_audit(test)


def test_s2_117_a_failed_end_audit_leaves_the_cycle_open(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        await bench.ask()
        await bench.after(SETTLE)
        (command,) = await bench.proof_commands()
        await bench.report(command, success=False)
        assert await bench.proof_commands() == []
        assert await state(bench) == (RequestState.PROVEN, "")
        with bench.live.pool.connection() as conn:
            assert queries.overview(conn, bench.now).open_cycles == 1
        await bench.ask()
        await bench.work()
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)

    run_audit(test)


def test_s2_118_case_2_invoices_after_the_start_stay_unaudited(run_audit: Run) -> None:
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

    run_audit(test)


def test_s2_114_case_2a_the_pause_runs_from_the_last_arrival(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        first, second = bench.sell(2)
        await bench.deliver(first)
        assert await bench.ask() == ((2, 2),)
        bench.now += SETTLE - SECOND
        await bench.deliver(second)
        assert (await bench.after(SECOND)).issued == 0
        assert (await bench.after(SETTLE - 2 * SECOND)).issued == 0
        assert (await bench.after(SETTLE)).issued == 1

    run_audit(test)


def test_s2_111_sales_after_the_start_do_not_hold_the_proof_up(run_audit: Run) -> None:
    """A till that never pauses gets its proofs all the same."""

    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell(3))
        await bench.ask()
        issued = 0
        for _ in range(8):
            await bench.deliver(*bench.sell())
            issued += (await bench.after(PAUSE / 6)).issued
        assert issued == 1
        (command,) = await bench.proof_commands()
        assert await bench.execute(command)
        assert bench.live.card.unaudited > 0, "what was sold after the start"

    run_audit(test)


def test_s2_115_s2_119_case_3_the_newest_start_wins(run_audit: Run) -> None:
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
            overview = queries.overview(conn, bench.now)
        assert (overview.ended_cycles, overview.open_cycles) == (1, 0)

    run_audit(test)


def test_s2_115_a_start_that_was_superseded_is_never_proven(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        await bench.deliver(*bench.sell())
        first = bench.card.start()
        second = bench.card.start()
        await bench.ask(second)
        assert await bench.ask(first) == ()
        assert (await bench.after(SETTLE)).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).audit_sequence == 2

    run_audit(test)


def test_s2_116_k_13_a_missing_package_is_named_and_blocks_the_proof(run_audit: Run) -> None:
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

    run_audit(test)


class Always:
    """A strategy of another kind (S2-106)."""

    def decide(self, facts: AuditFacts, now: object) -> Decision:
        """Trusts the card."""
        return Prove(facts.request.unaudited, Money(7))


def test_s2_106_another_strategy_can_take_its_place(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        bench.sell(3)
        bench.services = attrs.evolve(bench.services, strategy=Always())
        await bench.ask()
        assert (await bench.work()).issued == 1
        (command,) = await bench.proof_commands()
        assert bench.message(command).new_limit == Money(7)

    run_audit(test)
