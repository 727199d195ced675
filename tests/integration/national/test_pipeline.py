"""National documents through the one pipeline: S0-035 to 038, 053 to 060, S1-026 to 033; security 3.3, 3.5, 4.1."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from ledger_bench import LedgerFolder, lines
from national_bench import NationalBench, run_national

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national.rooms import WAITING_PER_DEVICE
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.instants import to_milliseconds
from tallystick.kernel.invoice import Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import DocumentKind, StatedTax
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import read_signed, write_signed


def test_s0_054_a_shift_is_booked_document_by_document(ledger: LedgerFolder) -> None:
    """Registration, opening, sales, a refund, X, Z, and the end of the memory; the sweep finds nothing."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        bought = await bench.send(till, till.sell(now))
        assert bought.signed.header.sequence == 3
        assert not bought.replayed
        await bench.send(till, till.refund(3, now, ["1.20"]))
        await bench.send(till, till.report(now, DocumentKind.STATUS))
        correction = till.sale(
            ["0.50"], operation=TransactionType.REFUND, refers_to=till.number(3), reason="a discount was forgotten"
        )
        await bench.send(till, till.sign(till.receipt(correction, DocumentKind.CORRECTION), now))
        await bench.send(till, till.report(now))
        await bench.send(till, till.close_memory(now))
        assert await bench.code(till, till.sign(till.receipt(), now, keep=False)) == "TS-2408"
        rows = ledger.rows("SELECT document_type, seq FROM ledger.type_heads WHERE document_type >= 512 ORDER BY 1")
        assert rows == [
            (0x0200, 1), (0x0201, 1), (0x0221, 1), (0x0230, 1), (0x0240, 1), (0x0250, 1), (0x0260, 1), (0x0280, 1),
        ]  # fmt: skip
        assert ledger.rows("SELECT sum(total) FROM ledger.day_heads") == [(40_000,)]

    run_national(ledger, walk)
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_s0_037_the_same_bytes_get_the_first_answer(ledger: LedgerFolder) -> None:
    """Also after the time window, at another process, and many at once; another spelling of the signature, too."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        compact = till.sell(bench.now)
        first = await bench.send(till, compact)
        before = bench.tree()
        bench.now += timedelta(days=400)
        again = await bench.send(till, compact)
        assert again == attrs.evolve(first, replayed=True)
        other = await bench.another_process().submit(compact, sender=bench.sender(till), received_at=bench.now)
        assert other == again
        respelt = _with_other_s(compact)
        assert respelt != compact
        assert await bench.send(till, respelt) == again
        together = await asyncio.gather(*(bench.send(till, compact) for _ in range(WAITING_PER_DEVICE)))
        assert all(one == again for one in together)
        assert bench.tree() == before

    run_national(ledger, walk)


def _with_other_s(compact: bytes) -> bytes:
    """The same act with the other half of ECDSA's two signatures."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    signed, _, text = compact.rpartition(b".")
    signature = read_base64url(text)
    other = order - int.from_bytes(signature[32:], "big")
    return signed + b"." + write_base64url(signature[:32] + other.to_bytes(32, "big"))


def test_ts_1403_two_documents_in_one_place_stop_the_device(ledger: LedgerFolder) -> None:
    """Both bodies are kept, an entry of the ledger says so, and nothing of the second one is booked."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        rival = till.sign(till.receipt(till.sale(["9.90"])), bench.now, keep=False)
        await bench.send(till, till.sell(bench.now))
        assert await bench.code(till, rival) == "TS-1403"
        assert await bench.code(till, rival) == "TS-1403"
        [(kind, body, index)] = ledger.rows("SELECT kind, body, entry_index FROM intake.evidence")
        assert (kind, bytes(body)) == ("two documents under one number", rival)
        assert index is not None
        await bench.send(till, till.sell(bench.now))  # the registry's view in memory is not what stops it here
        assert ledger.rows("SELECT count(*) FROM ledger.type_links WHERE document_type = 512") == [(2,)]

    run_national(ledger, walk)


def test_what_another_process_booked_is_read_on(ledger: LedgerFolder) -> None:
    """A till's connections come to one process and to another: each goes on from where the ledger is."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        other = bench.another_process()
        sender = bench.sender(till)
        for turn in range(3):
            for intake in (bench.intake, other):
                for _ in range(turn + 1):
                    await intake.submit(till.sell(now), sender=sender, received_at=now)
        await other.submit(till.report(now), sender=sender, received_at=now)
        await other.submit(till.open_shift(now), sender=sender, received_at=now)
        await bench.send(till, till.sell(now))
        await other.submit(till.report(now, DocumentKind.STATUS), sender=sender, received_at=now)
        assert (await bench.intake.standing(till.uid)).state == till.state
        assert (await bench.intake.standing(till.uid)).link == till.link

    run_national(ledger, walk)


def test_ts_1402_a_gap_is_told_the_next_place(ledger: LedgerFolder) -> None:
    """And a device that another process served in between is not refused."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        before = bench.tree()
        for header in ({"sequence": 5}, {"previous": bytes(32)}):
            assert await bench.code(till, till.sign(till.receipt(), bench.now, keep=False, **header)) == "TS-1402"
        assert bench.tree() == before
        other = bench.another_process()
        await other.submit(till.sell(bench.now), sender=bench.sender(till), received_at=bench.now)
        await bench.send(till, till.sell(bench.now))

    run_national(ledger, walk)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("TS-1311", lambda bench, till: bench.registry.certificates.clear()),
        ("TS-2401", lambda bench, till: bench.registry.devices.clear()),
        ("TS-2401", lambda bench, till: bench.registry.change(till.uid, registration_index=None)),
        ("TS-2401", lambda bench, till: bench.registry.change(till.uid, state=DeviceState.CLOSED)),
        ("TS-2407", lambda bench, till: bench.registry.change(till.uid, state=DeviceState.HOLD)),
        ("TS-2402", lambda bench, till: bench.registry.change(till.uid, has_agreement=False)),
        ("TS-2405", lambda bench, till: bench.registry.change(till.uid, device_class=DeviceClass.HARDWARE)),
        ("TS-2406", lambda bench, till: bench.registry.builds.clear()),
        ("TS-1313", lambda bench, till: bench.registry.change_certificate(till, tin="100000009")),
        ("TS-1313", lambda bench, till: bench.registry.change_certificate(till, uid="SOFT0009")),
        ("TS-1104", lambda bench, till: bench.registry.change_certificate(till, revoked_at=bench.now)),
        ("TS-1103", lambda bench, till: bench.registry.change_certificate(till, not_after=to_milliseconds(bench.now))),
        (
            "TS-1103",
            lambda bench, till: bench.registry.change_certificate(till, not_before=bench.now + timedelta(seconds=1)),
        ),
    ],
)
def test_a_device_that_may_not(
    ledger: LedgerFolder, code: str, change: Callable[[NationalBench, NationalTill], object]
) -> None:
    """S0-038, S0-082, S0-083, S1-022: refused, and nothing has changed."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        before = bench.tree()
        sender = bench.sender(till)
        change(bench, till)
        compact = till.sign(till.receipt(), bench.now, keep=False)
        found = ""
        try:
            await bench.intake.submit(compact, sender=sender, received_at=bench.now)
        except Exception as error:
            found = getattr(error, "code", repr(error))
        assert found == code
        assert bench.tree() == before

    run_national(ledger, walk)


def test_what_was_not_signed_for_us_is_refused(ledger: LedgerFolder) -> None:
    """TS-1312, TS-1108, TS-1313, TS-1301, TS-1302; a signature that fails is kept for a while."""

    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        other = await bench.opened("SOFT0002")
        before = bench.tree()
        good = till.sign(till.receipt(), bench.now, keep=False)
        forged = good[:-8] + (b"AAAAAAAA" if good[-8:] != b"AAAAAAAA" else b"BBBBBBBA")
        assert await bench.code(till, forged) == "TS-1312"
        assert ledger.rows("SELECT code FROM intake.refused") == [("TS-1312",)]
        assert await bench.code(till, till.sign(till.receipt(), bench.now, keep=False, audience="x")) == "TS-1108"
        assert await bench.code(other, good) == "TS-1313"
        for seconds in (-121, 121):
            away = till.sign(till.receipt(), bench.now + timedelta(seconds=seconds), keep=False)
            assert await bench.code(till, away) == "TS-1301"
        assert bench.tree() == before
        nonce = bytes(range(16))
        await bench.send(till, till.sign(till.receipt(), bench.now, nonce=nonce))
        twice = till.sign(till.receipt(), bench.now, keep=False, nonce=nonce)
        assert await bench.code(till, twice) == "TS-1302"
        with pytest.raises(Exception, match="TS-1302"):
            await bench.another_process().submit(twice, sender=bench.sender(till), received_at=bench.now)
        await bench.send(till, till.sell(bench.now))

    run_national(ledger, walk)


def _payments(sale: Any, amount: str) -> Any:
    return attrs.evolve(sale, payments=(Payment(Money.of(amount), PaymentType.CARD),))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("TS-2001", lambda sale: attrs.evolve(sale, items=(attrs.evolve(sale.items[0], labels=("Q",)), sale.items[1]))),
        ("TS-2002", lambda sale: attrs.evolve(sale, taxes=())),
        ("TS-2002", lambda sale: attrs.evolve(sale, taxes=(StatedTax("A", Rate.of("20"), Money.of("0.9502")),))),
        ("TS-2003", lambda sale: attrs.evolve(_payments(sale, "5.71"), total=Money.of("5.71"))),
        ("TS-2003", lambda sale: _payments(sale, "5.6999")),
        ("TS-2004", lambda sale: attrs.evolve(sale, rate_group=4)),
        ("TS-2006", lambda sale: attrs.evolve(sale, currency="EUR")),
        ("TS-2101", lambda sale: attrs.evolve(sale, operation=TransactionType.REFUND)),
    ],
)
def test_a_receipt_that_is_wrong(ledger: LedgerFolder, code: str, change: Callable[[Any], Any]) -> None:
    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        before = bench.tree()
        wrong = till.document(DocumentKind.RECEIPT, change(till.sale()), 1)
        assert await bench.code(till, till.sign(wrong, bench.now, keep=False)) == code
        assert bench.tree() == before
        await bench.send(till, till.sell(bench.now))

    run_national(ledger, walk)


def test_s1_029_a_closing_that_differs_by_the_smallest_unit(ledger: LedgerFolder) -> None:
    """Judged after a restart as well: the shift is read from the ledger again."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        for _ in range(5):
            await bench.send(till, till.sell(now))
        report = till.state.report(till.state.documents + 1)
        wrong = attrs.evolve(report, turnover=Money(report.turnover.scaled + 1))
        for intake in (bench.intake, bench.another_process()):
            compact = till.sign(till.document(DocumentKind.SHIFT_CLOSING, wrong, 1), now, keep=False)
            with pytest.raises(Exception, match="TS-2409"):
                await intake.submit(compact, sender=bench.sender(till), received_at=now)
        fresh = bench.another_process()
        await fresh.submit(till.report(now), sender=bench.sender(till), received_at=now)
        for intake in (bench.another_process(), fresh):
            await intake.submit(till.open_shift(now), sender=bench.sender(till), received_at=now)
            await intake.submit(till.sell(now), sender=bench.sender(till), received_at=now)
            await intake.submit(till.report(now), sender=bench.sender(till), received_at=now)

    run_national(ledger, walk)


def test_ts_2408_a_shift_is_too_old(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        bench.now += timedelta(hours=8)
        assert await bench.code(till, till.sign(till.receipt(), bench.now, keep=False)) == "TS-2408"
        await bench.send(till, till.report(bench.now))

    run_national(ledger, walk, shift_hours=8)


def test_the_form_is_judged_first(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        before = bench.tree()
        good = till.sign(till.receipt(), bench.now, keep=False)
        spoilt = write_signed(read_signed(good).header, b'{"kind":"receipt"}', till.device.sign)
        assert await bench.code(till, spoilt) == "TS-1220"
        assert await bench.code(till, good + b".") == "TS-1201"
        assert await bench.code(till, b"x" * 300_000) == "TS-1003"
        bench.intake.stopped = True
        assert await bench.code(till, good) == "TS-5001"
        bench.intake.stopped = False
        assert bench.tree() == before

    run_national(ledger, walk)


def test_s0_087_classes_and_channels(ledger: LedgerFolder) -> None:
    """Off line is for hardware, the ERP channel for ERP systems, on line for every register."""

    async def walk(bench: NationalBench) -> None:
        found = {}
        for number, of_class in enumerate(DeviceClass):
            till = await bench.till(f"CLASS00{number}", of_class)
            compact = till.register(bench.now)
            found[of_class] = [
                await bench.code(till, compact, channel) == ""
                for channel in (Channel.ECR_OFFLINE, Channel.ERP, Channel.ECR_ONLINE)
            ]
        assert found == {
            DeviceClass.SOFTWARE: [False, False, True],
            DeviceClass.HARDWARE: [True, True, True],  # the second and third are repetitions
            DeviceClass.VSDC: [False, False, False],
            DeviceClass.ERP: [False, True, True],
        }

    run_national(ledger, walk)
