"""S1-033: the closure of a memory is the end of its register, whatever comes after it, and whoever reads it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import attrs
import psycopg
import pytest
from batch_bench import batches
from ledger_bench import LedgerFolder
from national_bench import TIN, NationalBench, run_national

from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid


def enter(ledger: LedgerFolder, uid: str, device_class: DeviceClass) -> None:
    with psycopg.connect(ledger.dsn) as conn:
        registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Corner Shop Ltd"))
        place = registry.register_premises(conn, Premises(tin=Tin(TIN), code="1", name="Shop 1", address="Street 1"))
        registry.register_fiscal_device(
            conn,
            FiscalDevice(
                uid=Uid(uid), device_class=device_class, tin=Tin(TIN), premises_id=place, maker="acme", model="T1",
                serial_number=uid, memory_report="lab 1" if device_class is DeviceClass.HARDWARE else "",
            ),
        )  # fmt: skip


def state_of(ledger: LedgerFolder, uid: str) -> DeviceState:
    with psycopg.connect(ledger.dsn) as conn:
        device = queries.fiscal_device(conn, uid)
    assert device is not None
    return device.state


def test_s1_033_a_closure_closes_the_device_in_the_registry_before_its_answer_leaves(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the registry cannot be asked, the register gets no answer, asks again, and then it is closed."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened("CLOSE001")
        enter(ledger, till.uid, DeviceClass.SOFTWARE)
        await bench.send(till, till.sell(bench.now))
        await bench.send(till, till.report(bench.now))
        closing, close = till.close_memory(bench.now), NationalKeeper.close

        async def away(keeper: NationalKeeper, uid: str, at: datetime) -> None:
            raise Fault("TS-5009")

        monkeypatch.setattr(NationalKeeper, "close", away)
        assert await bench.code(till, closing) == "TS-5009"
        assert state_of(ledger, till.uid) is DeviceState.ACTIVE
        monkeypatch.setattr(NationalKeeper, "close", close)
        assert (await bench.send(till, closing)).replayed
        assert state_of(ledger, till.uid) is DeviceState.CLOSED
        assert (await bench.send(till, closing)).replayed

    run_national(ledger, walk)


def test_s1_033_nothing_that_comes_after_the_closure_opens_the_register(batch_ledger: LedgerFolder) -> None:
    """A register that goes on after it, off line, is kept apart; the ledger alone tells that it is closed."""

    async def walk() -> None:
        async with batches(batch_ledger) as bench:
            till = await bench.register()
            enter(batch_ledger, till.uid, DeviceClass.HARDWARE)
            at = bench.now - timedelta(hours=2)
            lawful = [till.register(at), *till.day(at, 1), till.close_memory(at)]
            till.state = attrs.evolve(till.state, is_closed=False)
            await bench.deliver(till, [*lawful, *till.day(at + timedelta(minutes=5), 1)])
            closed = len(lawful)
            assert state_of(batch_ledger, till.uid) is DeviceState.CLOSED
            assert [number for number, _ in bench.apart(till)] == [closed + 1, closed + 2, closed + 3]
            standing = await bench.bench.another_process().standing(till.uid)
            assert (standing.sequence, standing.state.is_closed) == (closed, True)

    asyncio.run(walk())


def test_s1_033_a_closure_among_many_closes_the_device_as_well(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till = await bench.opened("CLOSE002")
        enter(ledger, till.uid, DeviceClass.SOFTWARE)
        at = bench.now
        bulk = [till.sell(at), till.report(at), till.close_memory(at)]
        told = bench.intake.submit_all(bulk, sender=bench.sender(till), clock=lambda: at, channel=Channel.ECR_ONLINE)
        assert not [one for one in [outcome async for outcome in told] if isinstance(one, Fault)]
        assert state_of(ledger, till.uid) is DeviceState.CLOSED

    run_national(ledger, walk)
