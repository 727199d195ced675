"""S0-093: what the offline channel has seen becomes a case of the detectors, once."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import psycopg
from batch_bench import batches
from ledger_bench import LedgerFolder

from tallystick.authority.channels.ecr.batches.tasks import tell_overdue
from tallystick.authority.projections.inspections import operations
from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.values import DetectorName
from tallystick.ops.inspections import detectors
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import load_settings


def _found(ledger: LedgerFolder, detector: Detector, at: datetime) -> int:
    """One look, as the worker's role; how much was seen."""
    with psycopg.connect(as_role(ledger.dsn, INTAKE)) as conn:
        return operations.find(conn, detector, at)


def test_s0_093_a_batch_beyond_the_limit_is_a_case(batch_ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with batches(batch_ledger) as bench:
            till = await bench.register()
            at = bench.now - timedelta(hours=80)
            await bench.deliver(till, [till.register(at), *till.day(at, 2)])
            known = detectors(load_settings({}), bench.bench.pack)
            detector = next(one for one in known if one.name is DetectorName.UNDER_REPORTING)
            cases = "SELECT kind, state FROM inspections.case_file WHERE device = %s ORDER BY 1"
            device = f"{till.uid}-{till.uid}"
            while _found(batch_ledger, detector, bench.now):
                continue
            assert batch_ledger.rows(cases, device) == [("offline-too-long", "open")]
            assert not _found(batch_ledger, detector, bench.now)

    asyncio.run(walk())


def test_s0_032_a_register_that_holds_back_is_a_case_though_its_batch_never_comes(batch_ledger: LedgerFolder) -> None:
    """By its own word it has something that is too old: in touch all the time, or never heard of again."""

    async def walk() -> None:
        async with batches(batch_ledger) as bench:

            def look() -> None:
                bench.run(lambda conn: tell_overdue(conn, bench.bench.registry, bench.bench.pack.channels, bench.now))

            in_touch, silent, honest = [await bench.register() for _ in range(3)]
            since = bench.now
            for till in (in_touch, silent):
                assert bench.report_head(till, 3, bytes(32), waiting=3, oldest=since) == ""
            bench.later(hours=71, minutes=59)
            look()
            assert not bench.matters(in_touch) + bench.matters(silent)
            bench.later(hours=1)
            assert bench.report_head(in_touch, 3, bytes(32), waiting=3, oldest=since) == ""
            assert bench.report_head(honest, 3, bytes(32)) == ""
            look()
            look()
            assert bench.matters(in_touch) == bench.matters(silent) == ["offline-too-long"]
            assert not bench.matters(honest)

    asyncio.run(walk())
