"""What the intake answers at its edges: full rows, a register that no ledger knows, an answer before the gate."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from ledger_bench import ORIGIN, LedgerFolder
from national_bench import TIN, NationalBench, run_national

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national import rooms
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.rooms import WAITING_PER_DEVICE
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.identifiers import SdcInvoiceNumber


def test_ts_5002_and_ts_1006_who_waits_too_long_a_row_is_sent_away(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one device may have waiting, and more than a process takes: refused at once, and nothing else lost."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        compact = till.sell(bench.now)
        codes = await asyncio.gather(*(bench.code(till, compact) for _ in range(WAITING_PER_DEVICE + 2)))
        assert sorted(codes) == [""] * WAITING_PER_DEVICE + ["TS-1006"] * 2
        monkeypatch.setattr(rooms, "IN_WORK_MOST", 1)
        other = await bench.opened("SOFT0002")
        both = (bench.code(till, till.sell(bench.now)), bench.code(other, other.sell(bench.now)))
        assert list(await asyncio.gather(*both)) == ["", "TS-5002"]

    run_national(ledger, walk)


def test_ts_2401_a_register_whose_registration_is_not_in_the_ledger(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till = NationalTill("SOFT0003", TIN, ORIGIN, link=bytes(32))
        bench.registry.enter(till, DeviceClass.SOFTWARE, bench.now)
        before = bench.tree()
        assert await bench.code(till, till.register(bench.now)) == "TS-2401"
        assert bench.tree() == before

    run_national(ledger, walk)


def test_ts_5003_no_first_answer_before_its_second_copy(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is booked and not yet behind the gate is told to nobody, also where the same bytes come again."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        compact = till.sell(bench.now)
        await bench.send(till, compact)
        found = NationalKeeper.document

        async def unconfirmed(keeper: NationalKeeper, number: SdcInvoiceNumber) -> LedgerDocument | None:
            document = await found(keeper, number)
            return document and attrs.evolve(document, acked=False)

        monkeypatch.setattr(NationalKeeper, "document", unconfirmed)
        assert await bench.code(till, compact) == "TS-5003"
        monkeypatch.undo()
        assert await bench.code(till, compact) == ""

    run_national(ledger, walk)
