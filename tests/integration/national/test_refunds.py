"""Refunds and corrections: their original, whose it is, and how much is left of it; S0-056 to 059, S1-027, K-04."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from batch_bench import batches
from ledger_bench import LedgerFolder
from national_bench import NationalBench, run_national

from tallystick.authority.intake.keeper import Keeper
from tallystick.kernel.channel_rules import RefundScope
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.invoice import TransactionType
from tallystick.kernel.national_document import DocumentKind


def test_s0_059_refunds_never_pass_the_original(ledger: LedgerFolder) -> None:
    """One after the other, in another process, and after one that was refused for another reason."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        await bench.send(till, till.sell(now))  # number 3: 5.70
        await bench.send(till, till.refund(3, now, ["4.00"]))
        too_much = till.refund(3, now, ["1.7001"], keep=False)
        assert await bench.code(till, too_much) == "TS-2104"
        late = till.sign(till.receipt(till.sale(["1.70"], operation=TransactionType.REFUND, refers_to=till.number(3))),
                         now, keep=False, sequence=9)  # fmt: skip
        assert await bench.code(till, late) == "TS-1402"
        with pytest.raises(Exception, match="TS-2104"):
            await bench.another_process().submit(too_much, sender=bench.sender(till), received_at=now)
        await bench.send(till, till.refund(3, now, ["1.70"]))
        assert await bench.code(till, till.refund(3, now, ["0.0001"], keep=False)) == "TS-2104"
        assert ledger.rows("SELECT sum(amount) FROM intake.refund_claim WHERE NOT let_go") == [(57_000,)]

    run_national(ledger, walk)


def test_s0_059_two_tills_at_once(ledger: LedgerFolder) -> None:
    """Where the country lets another till take back: together never more than was paid."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        others = [await bench.opened(f"SOFT001{number}") for number in range(6)]
        await bench.send(till, till.sell(bench.now))
        backs = [other.sale(["1.00"], operation=TransactionType.REFUND, refers_to=till.number(3)) for other in others]
        sent = [
            bench.code(other, other.sign(other.receipt(back), bench.now, keep=False))
            for other, back in zip(others, backs, strict=True)
        ]
        codes = await asyncio.gather(*sent)
        assert sorted(codes) == ["", "", "", "", "", "TS-2104"]

    run_national(ledger, walk, refund_scope=RefundScope.TAXPAYER)


def test_a_claim_that_a_crash_left_ends(ledger: LedgerFolder) -> None:
    """Noted, never booked: it counts for a while, then the ledger shows that it was nothing."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        await bench.send(till, till.sell(bench.now))
        lost = till.refund(3, bench.now, ["5.00"], keep=False)
        kept = bench.intake.walk.sequencer

        class Away:
            async def append(self, entry: object) -> None:
                raise ConnectionError("killed here")

        bench.intake.walk.sequencer = Away()  # type: ignore[assignment]  # the process dies between claim and booking
        with pytest.raises(ConnectionError):
            await bench.send(till, lost)
        bench.intake.walk.sequencer = kept
        other = till.refund(3, bench.now, ["3.00"], keep=False)
        assert await bench.code(till, other) == "TS-2104"
        bench.now += timedelta(minutes=11)
        await bench.send(till, till.refund(3, bench.now, ["3.00"]))

    run_national(ledger, walk)


def test_s0_059_a_refund_in_work_at_two_doors(ledger: LedgerFolder) -> None:
    """One of them has no time for it: what it takes of its original stays taken, for the other one books it."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        other = await bench.opened("SOFT0002")
        await bench.send(till, till.sell(bench.now))
        twice = till.refund(3, bench.now, ["4.00"], keep=False)
        claimed, gate = asyncio.Event(), asyncio.Event()

        class Slow:
            async def append(self, entry: Any) -> Any:
                claimed.set()
                await gate.wait()
                return await bench.sequencer.append(entry)

        class Full:
            async def append(self, entry: Any) -> Any:
                raise Fault("TS-5002")

        first, second = bench.another_process(), bench.another_process()
        first.walk.sequencer, second.walk.sequencer = Slow(), Full()  # type: ignore[assignment]  # one document at a time
        slow = asyncio.create_task(first.submit(twice, sender=bench.sender(till), received_at=bench.now))
        await claimed.wait()
        with pytest.raises(Fault, match="TS-5002"):
            await second.submit(twice, sender=bench.sender(till), received_at=bench.now)
        back = other.sale(["4.00"], operation=TransactionType.REFUND, refers_to=till.number(3))
        again = await bench.code(other, other.sign(other.receipt(back), bench.now, keep=False))
        gate.set()
        await slow
        assert again == "TS-2104"

    run_national(ledger, walk, refund_scope=RefundScope.TAXPAYER)


def test_s0_059_a_refund_that_lay_in_a_part_for_an_hour(ledger: LedgerFolder) -> None:
    """While a batch books it, it takes from its original like one that came now: no other door gives it back, too."""

    async def walk() -> None:
        async with batches(ledger, refund_scope=RefundScope.TAXPAYER) as bench:
            till = await bench.bench.opened()
            await bench.bench.send(till, till.sell(bench.now))  # number 3: 5.70
            truck = await bench.register()
            back = truck.sale(["5.00"], operation=TransactionType.REFUND, refers_to=till.number(3))
            made = [truck.register(bench.now), truck.open_shift(bench.now)]
            made += [truck.sell(bench.now, back), truck.report(bench.now)]
            sealed = bench.seal(truck, made)
            bench.announce(truck, sealed)
            bench.put(truck, sealed, 1)
            bench.later(hours=1)
            bench.close(truck, sealed.manifest)
            claimed, gate = asyncio.Event(), asyncio.Event()

            class Slow:
                async def append_many(self, appends: Any) -> Any:
                    claimed.set()
                    await gate.wait()
                    return await bench.bench.sequencer.append_many(appends)

            bench.intake._sequencer = Slow()  # type: ignore[assignment]  # the sequencer is busy for a moment
            booking = asyncio.create_task(bench.book())
            await claimed.wait()
            again = await bench.bench.code(till, till.refund(3, bench.now, ["3.00"], keep=False))
            gate.set()
            await booking
            assert again == "TS-2104"
            assert bench.receipt(truck, sealed)["flagged"] == "0"
            assert ledger.rows("SELECT claimed_at, let_go FROM intake.refund_claim") == [(bench.now, False)]

    asyncio.run(walk())


def test_s0_056_to_058_an_original_that_is_none(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        other = await bench.opened("SOFT0002")
        await bench.send(other, other.sell(now))
        await bench.send(till, till.sell(now))
        await bench.send(till, till.refund(3, now, ["1.00"]))

        async def refund(number: Any, kind: DocumentKind = DocumentKind.RECEIPT, reason: str = "") -> str:
            back = till.sale(["1.00"], operation=TransactionType.REFUND, refers_to=number, reason=reason)
            return await bench.code(till, till.sign(till.receipt(back, kind), now, keep=False))

        assert await refund(till.number(99)) == "TS-2102"
        assert await refund(other.number(3)) == "TS-2103"
        assert await refund(till.number(2)) == "TS-2105"  # an opening
        assert await refund(till.number(4)) == "TS-2105"  # a refund
        assert await refund(till.number(3), DocumentKind.CORRECTION) == "TS-2101"  # without a reason
        hardware = await bench.till("HARD0001", DeviceClass.HARDWARE)
        later = till.sale(["1.00"], operation=TransactionType.REFUND, refers_to=hardware.number(7))
        with pytest.raises(Exception, match="TS-2102") as caught:
            await bench.send(till, till.sign(till.receipt(later), now, keep=False))
        assert caught.value.retry_after_seconds  # type: ignore[attr-defined]  # later, not no

    run_national(ledger, walk, refund_scope=RefundScope.DEVICE)


def test_k_21_an_original_that_may_lie_in_an_e_sdc_is_later_and_not_no(
    ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def registered(keeper: Keeper, uid: str) -> bool:
        return uid == "CARD0001"

    async def walk(bench: NationalBench) -> None:
        monkeypatch.setattr(Keeper, "is_registered", registered)
        till, waits = await bench.opened(), []
        for uid in ("CARD0001", "NOBODY01"):
            number = SdcInvoiceNumber(Uid(uid), Uid(uid), 7)
            back = till.sale(["1.00"], operation=TransactionType.REFUND, refers_to=number)
            with pytest.raises(Fault, match="TS-2102") as caught:
                await bench.send(till, till.sign(till.receipt(back), bench.now, keep=False))
            waits.append(caught.value.retry_after_seconds)
        assert waits == [600, None]

    run_national(ledger, walk, refund_scope=RefundScope.TAXPAYER)


@pytest.mark.parametrize(
    ("scope", "code"),
    [(RefundScope.DEVICE, "TS-2103"), (RefundScope.PREMISES, ""), (RefundScope.TAXPAYER, "")],
)
def test_k_04_another_till_of_the_shop(ledger: LedgerFolder, scope: RefundScope, code: str) -> None:
    async def walk(bench: NationalBench) -> None:
        till, other = await bench.opened(), await bench.opened("SOFT0002")
        far = await bench.opened("SOFT0003", premises=2)
        stranger = await bench.opened("SOFT0004", tin="100000002")
        await bench.send(till, till.sell(bench.now))
        found = []
        for one in (other, far, stranger):
            back = one.sale(["1.00"], operation=TransactionType.REFUND, refers_to=till.number(3))
            found.append(await bench.code(one, one.sign(one.receipt(back), bench.now, keep=False)))
        far_code = "" if scope is RefundScope.TAXPAYER else "TS-2103"
        assert found == [code, far_code, "TS-2103"]

    run_national(ledger, walk, refund_scope=scope)
