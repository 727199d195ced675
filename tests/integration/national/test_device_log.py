"""The log of a device over a real ledger (S0-030): shifts among everything else, a page at a time, nothing missed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest
from ledger_bench import LedgerFolder
from national_bench import TIN, NationalBench, national

from benchmarks.national_till import NationalTill
from tallystick.authority.projections.devicelog import queries as devicelog
from tallystick.authority.projections.devicelog.values import Cursor, LogEntry, read_cursor
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import FiscalDevice, Taxpayer
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.national_document import DocumentKind


async def day(bench: NationalBench, till: NationalTill, sales: int) -> None:
    """A shift with some sales."""
    bench.now += timedelta(minutes=1)
    await bench.send(till, till.open_shift(bench.now))
    for _ in range(sales):
        bench.now += timedelta(minutes=1)
        await bench.send(till, till.sell(bench.now))
    bench.now += timedelta(minutes=1)
    state = till.state
    closing = till.document(DocumentKind.SHIFT_CLOSING, state.report(state.documents + 1), state.shift)
    await bench.send(till, till.sign(closing, bench.now))


def register(bench: NationalBench, till: NationalTill) -> None:
    with psycopg.connect(bench.ledger.dsn) as conn:
        registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Shop"))
        device = FiscalDevice(
            uid=Uid(till.uid), device_class=1, tin=Tin(TIN), premises_id=None, maker="Maker", model="Till",
            serial_number=till.uid,
        )  # fmt: skip
        registry.register_fiscal_device(conn, device)
        conn.execute("ALTER TABLE registry.fiscal_device DISABLE TRIGGER USER")
        conn.execute("UPDATE registry.fiscal_device SET registered_at = %s", [bench.now - timedelta(days=1)])


def hold(bench: NationalBench, till: NationalTill) -> None:
    with psycopg.connect(bench.ledger.dsn) as conn:
        registry.hold_device(conn, till.uid, bench.now, "an inspector asked for it", "officer:vera")


def read(
    bench: NationalBench, till: NationalTill, limit: int, after: Cursor, *, has_sales: bool = False
) -> tuple[list[LogEntry], Cursor]:
    """To the end, by pages; each cursor goes to the reader as text and comes back."""
    found: list[LogEntry] = []
    with psycopg.connect(bench.ledger.dsn) as conn:
        while True:
            page = devicelog.page(
                conn, till.uid, after, bench.now + timedelta(minutes=1), limit=limit, has_sales=has_sales
            )
            assert len(page.entries) <= limit
            found += page.entries
            after = read_cursor(str(page.after))
            if not page.has_more:
                return found, after


def test_s0_030_one_place_shows_everything_and_pages_miss_nothing(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def walk() -> None:
        async with national(ledger) as bench:
            await everything(bench, monkeypatch)

    asyncio.run(walk())


async def everything(bench: NationalBench, monkeypatch: pytest.MonkeyPatch) -> None:
    till = await bench.till()
    register(bench, till)
    await bench.send(till, till.register(bench.now))
    await day(bench, till, 3)
    hold(bench, till)
    first, cursor = read(bench, till, 100, Cursor())
    words = ["registered", "registration-reported", "shift-opened", "shift-closed", "held"]
    assert [one.what for one in first] == words
    assert first[2].facts["number"] == f"{till.uid}-{till.uid}-2"
    assert first[4].facts == {"by": "officer:vera", "reason": "an inspector asked for it"}
    assert first[4].for_taxpayer.facts == {}
    assert read(bench, till, 100, cursor) == ([], cursor)
    with psycopg.connect(bench.ledger.dsn) as conn:
        registry.release_device(conn, till.uid, bench.now + timedelta(seconds=1), "it was looked at", "officer:vera")
    bench.now += timedelta(seconds=2)
    await day(bench, till, 4)
    later, _ = read(bench, till, 100, cursor)
    assert [one.what for one in later] == ["released", "shift-opened", "shift-closed"]
    monkeypatch.setattr(devicelog, "SCAN_MOST", 2)
    for limit in (2, 100):
        every, _ = read(bench, till, limit, Cursor(), has_sales=True)
        assert [one for one in every if one.what != "sold"] == [*first, *later]
        sold = [one for one in every if one.what == "sold"]
        assert len(sold) == 7
        assert sold[0].facts["number"] == f"{till.uid}-{till.uid}-3"
        assert int(sold[0].facts["total"]) > 0
        assert sold[0].for_people["issued"].endswith("Z"), "people read dates"
    for limit in (1, 2, 3, 7):
        assert read(bench, till, limit, Cursor())[0] == [*first, *later], limit
