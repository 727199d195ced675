"""What is noted of a register, so that nobody has to read a long shift from its beginning."""

from __future__ import annotations

import asyncio

import attrs
import psycopg
import pytest
from ledger_bench import LedgerFolder
from national_bench import NationalBench, run_national

from tallystick.authority.intake.national import noted, pipeline
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.shifts import RegisterState


def test_a_long_shift_is_read_from_where_it_was_noted(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give the same state; a note whose link the ledger does not have, or that nobody can read, is none."""
    monkeypatch.setattr(pipeline, "NOTED_EVERY", 4)

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        for _ in range(4):
            await bench.send(till, till.sell(bench.now))
        await bench.send(till, till.refund(3, bench.now, ["1.00"]))
        while bench.intake._noting:
            await asyncio.sleep(0.01)

        async def stands() -> tuple[int, RegisterState, set[bytes]]:
            found = await bench.another_process().standing(till.uid)
            return found.sequence, found.state, set(found.nonces)

        with_note = await stands()
        assert with_note[:2] == (7, till.state)
        assert ledger.rows("SELECT sequence FROM intake.register_state") == [(4,)]
        with psycopg.connect(ledger.dsn) as conn:
            known = noted.find(conn, till.uid)
            assert known is not None
            richer = attrs.evolve(known.state, turnover=Money(known.state.turnover.scaled + 10_000))
            noted.note(conn, till.uid, attrs.evolve(known, state=richer))
        assert (await stands())[1].turnover.scaled == till.state.turnover.scaled + 10_000, "the note is where it begins"
        for spoil in ("link = sha256('x')", "state = '[2]'", "state = '\\xff'", "sequence = 400"):
            with psycopg.connect(ledger.dsn) as conn:
                conn.execute(f"UPDATE intake.register_state SET {spoil}")
            assert await stands() == with_note
            with psycopg.connect(ledger.dsn) as conn:
                noted.note(conn, till.uid, attrs.evolve(known, state=richer))
        assert till.state.totals.refunds.count == 1
        await bench.send(till, till.report(bench.now))
        assert await stands() == (8, till.state, (await stands())[2]), "a closing needs no note"

    run_national(ledger, walk)


def test_a_state_is_read_as_it_was_noted() -> None:
    empty = RegisterState()
    assert noted.read_state(noted.write_state(empty)) == empty
