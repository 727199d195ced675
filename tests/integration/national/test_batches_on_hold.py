"""S0-030, S0-064: what a register on hold brings is taken in and waits; the end of the hold decides about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import attrs
import pytest
from batch_bench import BatchBench, code_of, first_day, run_batches
from ledger_bench import LedgerFolder

from benchmarks.national_till import NationalTill
from tallystick.authority.channels.ecr.batches import operations, queries
from tallystick.authority.channels.ecr.batches.holding import waits_for_release
from tallystick.authority.channels.ecr.batches.tasks import tell_overdue
from tallystick.authority.intake.national.offline.values import ArrivedPart, OfflineBatch, Tally
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed


def set_state(bench: BatchBench, till: NationalTill, state: DeviceState) -> None:
    """What an officer does, as the registry's view shows it."""
    bench.bench.registry.change(till.uid, state=state)


def attempts(bench: BatchBench, till: NationalTill) -> list[int]:
    """How often each of a register's batches was taken to be booked."""
    query = "SELECT attempts FROM batches.batch WHERE uid = %s ORDER BY first_sequence"
    return [row[0] for row in bench.bench.ledger.rows(query, till.uid)]


def look_for_overdue(bench: BatchBench) -> None:
    bench.run(lambda conn: tell_overdue(conn, bench.bench.registry, bench.bench.pack.channels, bench.now))


def test_s0_030_a_hold_puts_off_and_buries_nothing(batch_ledger: LedgerFolder) -> None:
    """Five days on hold: two batches wait, others' are booked; then all of it stands in the ledger, nothing late.

    Its Z report of the first day of the hold comes with a third batch behind the receipt of the others.
    """

    async def walk(bench: BatchBench) -> None:
        till, other = await bench.register(), await bench.register()
        set_state(bench, till, DeviceState.HOLD)
        made = first_day(till, bench, 3)
        interim = [till.open_shift(bench.now), till.report(bench.now, DocumentKind.STATUS)]
        sealed = [bench.seal(till, made), bench.seal(till, interim)]
        bench.bring(till, sealed[0])
        assert (await bench.deliver(other, first_day(other, bench, 1)))["booked"] == "4", "nobody else waits"
        bench.bring(till, sealed[1])
        assert (await bench.book(), attempts(bench, till)) == (0, [0, 0]), "nobody reads them in vain"
        due = "SELECT count(due_at) FROM batches.batch WHERE uid = %s"
        assert bench.bench.ledger.rows(due, till.uid) == [(0,)], "nor looks at them again"
        batch = bench.run(lambda conn: queries.batch(conn, till.uid, sealed[0].batch))
        assert waits_for_release(bench.bench.registry, batch, bench.now)
        act = read_signed(made[2]).act_hash
        assert bench.run(lambda conn: queries.is_here(conn, till.uid, 3, act)), "its buyer sees that it has come"

        bench.later(hours=1)
        last = [till.report(bench.now)]
        since = bench.now - timedelta(hours=2)
        for _ in range(24):
            bench.later(hours=5)
            assert bench.report_head(till, till.state.documents, till.link, waiting=9, oldest=since) == ""
            look_for_overdue(bench)
        assert bench.matters(till) == []

        set_state(bench, till, DeviceState.ACTIVE)
        assert sum(await asyncio.gather(bench.book(), bench.book())) == 2
        assert attempts(bench, till) == [1, 1], "none is opened twice"
        receipts = [bench.receipt(till, one) for one in sealed]
        assert [(one["booked"], one["flagged"], one["apart"]) for one in receipts] == [("6", "0", "0"), ("2", "0", "0")]
        receipt = await bench.deliver(till, last)
        assert (receipt["booked"], receipt["flagged"]) == ("1", "0"), "it could not come behind what waited with us"
        look_for_overdue(bench)
        assert (bench.apart(till), bench.matters(till)) == ([], [])

    run_batches(batch_ledger, walk)


@pytest.mark.parametrize("is_revoked", [True, False])
def test_s0_064_a_hold_that_ends_for_good_keeps_apart(batch_ledger: LedgerFolder, is_revoked: bool) -> None:
    """Still on hold and its key revoked, or closed: what waited is judged by that, and its arrival shows its age."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        set_state(bench, till, DeviceState.HOLD)
        sealed = bench.seal(till, first_day(till, bench, 1))
        bench.bring(till, sealed)
        assert await bench.book() == 0
        bench.later(hours=30)
        revoked_at = bench.now
        if is_revoked:
            bench.bench.registry.change_certificate(till, revoked_at=revoked_at, revocation_reason=1)
        else:
            set_state(bench, till, DeviceState.CLOSED)
        bench.later(minutes=1)
        assert await bench.book() == 1
        receipt = bench.receipt(till, sealed)
        assert (receipt["booked"], receipt["apart"]) == ("0", "4")
        assert set(receipt["codes"]) >= {"TS-2403" if is_revoked else "TS-2401"}
        assert bench.matters(till) == ["batch-apart"]
        if is_revoked:
            found = bench.standing(bench.held(till, 2), revoked_at)
            assert found.best is not None
            assert found.best.at < revoked_at

    run_batches(batch_ledger, walk)


@attrs.frozen(slots=True)
class InTheMiddle:
    """A `Booker` during whose work something happens, when the first part is behind it."""

    bench: BatchBench
    happens: Any

    async def book(self, batch: OfflineBatch, parts: AsyncIterator[ArrivedPart]) -> Tally:
        """As ever."""

        async def some() -> AsyncIterator[ArrivedPart]:
            async for part in parts:
                yield part
                self.happens()

        return await self.bench.intake.book(batch, some())


@pytest.mark.parametrize("has_agreement", [True, False])
def test_a_batch_that_was_begun_is_finished(batch_ledger: LedgerFolder, has_agreement: bool) -> None:
    """The hold comes in the middle; what else is against the device then counts as ever."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        sealed = bench.seal(till, first_day(till, bench, 12), part_bytes=6_000)
        assert len(sealed.parts) > 2
        bench.bring(till, sealed)
        change = {"state": DeviceState.HOLD, "has_agreement": has_agreement}
        happens = InTheMiddle(bench, lambda: bench.bench.registry.change(till.uid, **change))
        bench.services = attrs.evolve(bench.services, intake=happens)
        assert await bench.book() == 1
        receipt = bench.receipt(till, sealed)
        assert "TS-2407" not in receipt["codes"]
        if has_agreement:
            assert (receipt["booked"], receipt["flagged"], receipt["apart"]) == ("15", "0", "0")
        else:
            assert int(receipt["apart"]) > 5
            assert "TS-2402" in receipt["codes"]

    run_batches(batch_ledger, walk)


def test_what_waits_for_releases_leaves_room_to_all_others(
    batch_ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        sealed = bench.seal(till, first_day(till, bench, 1))
        bench.announce(till, sealed)
        new = operations.read_new_part(bench.sender(till), 1, sealed.parts[0], bench.now)
        monkeypatch.setattr(operations, "HELD_BYTES_MOST", len(sealed.parts[0]) - 1)

        def put(is_held: bool) -> str:
            sender = bench.sender(till)
            return code_of(
                bench.run, lambda conn: operations.put_part(conn, sender, sealed.batch, new, is_held=is_held)
            )

        assert put(True) == "TS-3284"
        assert put(False) == ""
        assert put(True) == "", "what is here is here"

    run_batches(batch_ledger, walk)


def test_s0_032_what_came_late_is_late_however_long_the_hold(batch_ledger: LedgerFolder) -> None:
    """Made in an outage that was too long, by its numbers; booked more than a year after it came."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        set_state(bench, till, DeviceState.HOLD)
        bench.later(hours=80)
        sealed = bench.seal(till, first_day(till, bench, 1))
        bench.bring(till, sealed)
        assert bench.report_head(till, 4, till.link, waiting=4, oldest=bench.now) == ""
        bench.later(days=400)
        look_for_overdue(bench)
        assert (await bench.book(), bench.matters(till)) == (0, []), "silent by now, and holds nothing back"
        set_state(bench, till, DeviceState.ACTIVE)
        assert await bench.book() == 1
        receipt = bench.receipt(till, sealed)
        assert (receipt["booked"], receipt["codes"]) == ("4", {"TS-2404": "4"})

    run_batches(batch_ledger, walk)
