"""Two officers, not one: who may ask and approve, until when, and what the tables themselves refuse (S2-104)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import psycopg
import pytest
from audit_live import SETTLE, AuditBench
from officers import stuck

from tallystick.authority.projections.audit import override_store, overrides
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import INTAKE, as_role

Test = Callable[[AuditBench], Awaitable[None]]
Run = Callable[[Test], None]
DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)


def test_ts_4005_nobody_approves_his_own_request(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        uid = bench.card.card.uid
        number = office.ask("vera", uid, bench.now, came_from="shell:ana")
        for name, came_from in (("vera", "portal"), ("omar", "shell:ana")):
            with pytest.raises(Fault, match="TS-4005"):
                office.approve(name, number, bench.now, came_from=came_from)
        assert (await bench.work()).issued == 0
        office.approve("omar", number, bench.now, came_from="shell:bea")
        assert (await bench.work()).issued == 1

    run_audit(test)


def test_switching_four_eyes_off_turns_its_test_red(run_audit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overrides, "_must_be_another", lambda found, by: None)
    with pytest.raises((psycopg.errors.CheckViolation, pytest.fail.Exception)):
        test_ts_4005_nobody_approves_his_own_request(run_audit)


def test_s2_104_the_database_itself_wants_two_different_officers(run_audit: Run) -> None:
    """Whatever a page or a program forgets: one name is not two, a decision stays, and the worker can make none."""

    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        number = office.ask("vera", bench.card.card.uid, bench.now)
        decide = override_store.decide
        approved = override_store.OverrideState.APPROVED
        with pytest.raises(psycopg.errors.CheckViolation):
            office.run(lambda conn: decide(conn, number, approved, "vera", "portal", bench.now))
        with pytest.raises(psycopg.errors.CheckViolation):
            office.run(lambda conn: decide(conn, number, approved, "omar", "portal", bench.now + DAY))
        with psycopg.connect(as_role(bench.live.dsn, INTAKE)) as conn, pytest.raises(psycopg.errors.DatabaseError):
            decide(conn, number, approved, "omar", "portal", bench.now)
        office.refuse("omar", number, bench.now)
        with psycopg.connect(bench.live.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
            conn.execute("UPDATE audit.override SET state = 'approved'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            office.run(lambda conn: conn.execute("UPDATE audit.override SET presumed = 0"))
        with psycopg.connect(bench.live.dsn) as conn, pytest.raises(psycopg.errors.CheckViolation):
            conn.execute("UPDATE audit.override SET presumed = presumed + 1")

    run_audit(test)


def test_ts_3105_a_request_without_a_second_officer_ends_after_a_day(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        uid = bench.card.card.uid
        number = office.ask("vera", uid, bench.now)
        with pytest.raises(Fault, match="TS-3105"):
            office.approve("omar", number, bench.now + DAY)
        bench.now += DAY
        assert (await bench.work()).issued == 0
        with pytest.raises(Fault, match="TS-3105"):
            office.approve("omar", number, bench.now)
        again = office.ask("vera", uid, bench.now)
        office.approve("omar", again, bench.now + DAY - SECOND)
        bench.now += DAY - SECOND
        assert (await bench.work()).issued == 1

    run_audit(test)


def test_whoever_may_not_and_whatever_is_not_there_gets_a_code(run_audit: Run) -> None:
    async def test(bench: AuditBench) -> None:
        office, lost = await stuck(bench)
        uid, now = bench.card.card.uid, bench.now
        for name in ("nobody", "boss", "gone"):
            with pytest.raises(Fault, match="TS-4003"):
                office.ask(name, uid, now)
        for reason in ("", "too short", "x" * 1001, "a reason with \x00 in it"):
            with pytest.raises(Fault, match="TS-1220"):
                office.ask("vera", uid, now, reason=reason)
        with pytest.raises(Fault, match="TS-4003"):
            office.ask("vera", "WXYZ9876", now)
        number = office.ask("vera", uid, now)
        with pytest.raises(Fault, match="TS-4004"):
            office.ask("omar", uid, now)
        with pytest.raises(Fault, match="TS-4003"):
            office.approve("omar", number + 1, now)
        office.refuse("vera", number, now)
        for decide in (office.approve, office.refuse):
            with pytest.raises(Fault, match="TS-4007"):
                decide("omar", number, now)
        await bench.deliver(*lost)
        with pytest.raises(Fault, match="TS-4007"):
            office.ask("vera", uid, now)
        await bench.after(SETTLE)
        await bench.after(SETTLE)
        with pytest.raises(Fault, match="TS-4007"):
            office.ask("vera", uid, now)

    run_audit(test)


def test_officers_who_act_at_once_decide_once(run_audit: Run) -> None:
    """Eight requests and eight decisions at the same moment: one of each stands, every other gets a code."""

    async def test(bench: AuditBench) -> None:
        office, _ = await stuck(bench)
        uid, now = bench.card.card.uid, bench.now

        async def at_once(deed: Callable[[], object]) -> list[str]:
            done = await asyncio.gather(*(asyncio.to_thread(deed) for _ in range(8)), return_exceptions=True)
            assert all(isinstance(one, Fault) for one in done if isinstance(one, BaseException)), done
            return sorted(one.code for one in done if isinstance(one, Fault))

        assert await at_once(lambda: office.ask("vera", uid, now)) == ["TS-4004"] * 7
        ((number,),) = bench.live.rows("SELECT override_id FROM audit.override")
        assert await at_once(lambda: office.approve("omar", number, now)) == ["TS-4007"] * 7
        assert (await bench.work()).issued == 1

    run_audit(test)
