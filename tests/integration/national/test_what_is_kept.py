"""What is remembered and kept of a register beside the ledger, and how little rests on it."""

from __future__ import annotations

from datetime import timedelta

import attrs
import psycopg
import pytest
from ledger_bench import LedgerFolder
from national_bench import NationalBench, run_national

from tallystick.authority.intake.national import noted
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import DocumentKind, ShiftOpening
from tallystick.kernel.shifts import RegisterState
from tallystick.kit.address_budget import AddressBudget


def test_a_long_shift_is_read_from_where_it_was_noted(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give the same state; a note whose link the ledger does not have, or that nobody can read, is none."""
    monkeypatch.setattr(noted, "NOTED_EVERY", 4)

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        for _ in range(4):
            await bench.send(till, till.sell(bench.now))
        await bench.send(till, till.refund(3, bench.now, ["1.00"]))
        await bench.intake.walk.notes.written()

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


def test_no_device_fills_the_disks_with_what_is_refused(ledger: LedgerFolder) -> None:
    """Each is refused; only so many an hour are kept, whether they prove nothing or are evidence."""

    async def walk(bench: NationalBench) -> None:
        till, other = await bench.opened(), await bench.opened("SOFT0002")
        bench.intake.walk.kept = AddressBudget(3, timedelta(hours=1))
        for _ in range(4):
            spoilt = till.sign(till.receipt(), bench.now, keep=False)[:-8] + b"AAAAAAAA"
            assert await bench.code(till, spoilt) == "TS-1312"
        assert ledger.rows("SELECT count(*) FROM intake.refused") == [(3,)]
        rivals = [other.sign(other.receipt(), bench.now, keep=False) for _ in range(4)]
        await bench.send(other, other.sell(bench.now))
        assert [await bench.code(other, rival) for rival in rivals] == ["TS-1403"] * 4
        assert ledger.rows("SELECT count(*), count(entry_index) FROM intake.evidence") == [(3, 3)]
        bench.now += timedelta(hours=1)
        assert await bench.code(other, rivals[3]) == "TS-1403"
        assert ledger.rows("SELECT count(*), count(entry_index) FROM intake.evidence") == [(4, 4)]

    run_national(ledger, walk)


def test_a_process_that_remembers_more_than_the_ledger_has(ledger: LedgerFolder) -> None:
    """After a restore: what comes again in a place that is free is judged as any other document, and answered."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        remembered = await bench.intake.walk.standings.of(till.uid)
        assert remembered is not None
        remembered.sequence += 2
        wrong = till.document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money.of(1)), 2)
        before = bench.tree()
        assert await bench.code(till, till.sign(wrong, bench.now, keep=False)) == "TS-2408"
        assert bench.tree() == before
        remembered.sequence += 2
        answer = await bench.send(till, till.sell(bench.now))
        assert (answer.signed.header.sequence, answer.replayed) == (3, False)

    run_national(ledger, walk)
