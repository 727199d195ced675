"""The register's walk: what is sold, what is refused, and what stands where afterwards (S0-054, S0-060, S0-063)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from till_authority import GENESIS, KEY, UID, Authority
from till_bench import Bench, price_of, sale, without_flushes

from tallystick.crypto.signatures import verify_es256
from tallystick.device.ecr.orders import CloseMemory, CloseShift, Correct, Line, OpenShift, Refund, ReportX, Reregister
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import DocumentKind, FormNumber
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.receipt_code import read_receipt_code


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def refused(code: str, step: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        step()
    assert caught.value.code == code, caught.value
    return caught.value


def numbered(sequence: int) -> SdcInvoiceNumber:
    return SdcInvoiceNumber(UID, UID, sequence)


def cash(text: str) -> tuple[Payment, ...]:
    return (Payment(Money.of(text), PaymentType.CASH),)


def line(price: str, quantity: str = "1") -> Line:
    return Line(name="Bread", quantity=Quantity.of(quantity), price=Money.of(price), labels=("A",))


def test_s1_026_to_s1_033_a_whole_life_is_what_the_kernel_folds(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.do("a", sale("12.50"))
    bench.do("b", attrs.evolve(sale("3.00"), form=FormNumber("AB", "17")))
    bench.do("c", Refund(original=numbered(3), payments=cash("12.50")))
    correct = Correct(
        original=numbered(4),
        direction=TransactionType.SALE,
        lines=(line("0.50"),),
        payments=cash("0.50"),
        reason="price was wrong",
    )
    bench.do("d", correct)
    bench.do("x", ReportX())
    bench.do("z", CloseShift())
    bench.do("again", Reregister(reason="moved"))
    bench.do("end", CloseMemory(reason="worn out"))
    kinds = [read_document(one.payload).kind for one in bench.authority.booked]
    assert kinds == [
        DocumentKind.REGISTRATION,
        DocumentKind.SHIFT_OPENING,
        DocumentKind.RECEIPT,
        DocumentKind.ACCOUNTABLE_FORM,
        DocumentKind.RECEIPT,
        DocumentKind.CORRECTION,
        DocumentKind.STATUS,
        DocumentKind.SHIFT_CLOSING,
        DocumentKind.RE_REGISTRATION,
        DocumentKind.CLOSURE,
    ]
    assert bench.register.status().state == bench.authority.state
    assert bench.authority.state.turnover == Money.of("3.50")
    assert bench.authority.state.is_closed
    assert bench.documents == [one.compact for one in bench.authority.booked]


def test_k_19_the_register_signs_the_code_on_its_receipt(tmp_path: Path) -> None:
    answer = json.loads(Bench(tmp_path).opened().do("a", sale("12.50")))
    code = read_receipt_code(answer["code"])
    assert (code.number, code.total) == (f"{UID}-{UID}-3", Money.of("12.50"))
    verify_es256(KEY.public, code.signed_text, code.signature)
    assert answer["verification_url"] == f"https://verify.example/r/{answer['code']}"


def test_s0_063_without_a_network_nothing_is_sold_and_nothing_stays_half_made(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.away = True
    refused("TS-3250", lambda: bench.do("a", sale()))
    status = bench.register.status()
    assert (status.state.documents, status.open_fate, status.waiting) == (2, False, 0)
    bench.authority.away = False
    assert json.loads(bench.do("a", sale()))["sequence"] == "3"


def test_a_lost_answer_leaves_one_document_and_one_answer(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.lost_answers = 1
    refused("TS-3251", lambda: bench.do("a", sale()))
    assert bench.register.status().open_fate
    first = bench.do("a", sale())
    assert json.loads(first)["sequence"] == "3"
    assert bench.do("a", sale()) == first
    assert len(bench.authority.booked) == 3


def test_what_was_sold_after_all_is_counted_before_the_next_sale_and_shown(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.lost_answers = 1
    refused("TS-3251", lambda: bench.do("a", sale("1.00")))
    assert json.loads(bench.do("b", sale("2.00")))["sequence"] == "4"
    (late,) = bench.register.late()
    assert json.loads(late)["total"] == "1.00"
    assert bench.register.status().late == 1
    bench.register.take_late(3)
    assert bench.register.late() == []
    assert bench.register.status().state == bench.authority.state


@pytest.mark.parametrize("code", ["TS-2406", "TS-1301", "TS-1302", "TS-2408"])
def test_a_refused_document_frees_its_number(tmp_path: Path, code: str) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.refusals = [code]
    refused(code, lambda: bench.do("a", sale()))
    assert json.loads(bench.do("a", sale()))["sequence"] == "3"
    assert bench.register.status().state == bench.authority.state


@pytest.mark.parametrize("code", ["TS-1006", "TS-2409"])
def test_a_refusal_that_asks_for_the_same_bytes_keeps_them(tmp_path: Path, code: str) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.refusals = [code]
    refused("TS-3251", lambda: bench.do("a", sale()))
    intent = bench.store.open_intent()
    assert intent is not None
    assert bench.register.settle()
    assert bench.authority.booked[-1].compact == intent.compact


def test_a_request_id_is_one_request(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.do("a", sale("1.00"))
    refused("TS-3253", lambda: bench.do("a", sale("2.00")))
    refused("TS-1220", lambda: bench.do("", sale()))
    refused("TS-1220", lambda: bench.do("x" * 65, sale()))


def test_ts_1402_at_the_first_document_gives_the_genesis(tmp_path: Path) -> None:
    bench = Bench(tmp_path, genesis=None)
    bench.do("registration", RegisterOrder())
    assert bench.authority.booked[0].header.previous == GENESIS
    assert len(bench.authority.booked) == 1


def test_a_document_that_we_gave_up_and_the_authority_has_is_found_again(tmp_path: Path) -> None:
    """The authority's word about one document was wrong; our own bytes prove the place, so nothing is invented."""
    bench = Bench(tmp_path).opened()
    bench.authority.lost_answers = 1
    refused("TS-3251", lambda: bench.do("a", sale("1.00")))
    intent = bench.store.open_intent()
    assert intent is not None
    bench.store.void(intent, "given up")
    assert json.loads(bench.do("b", sale("2.00")))["sequence"] == "4"
    assert [json.loads(one)["sequence"] for one in bench.register.late()] == ["3"]
    assert bench.register.status().state == bench.authority.state


@pytest.mark.parametrize("spoil", ["behind", "ahead", "link"])
def test_a_chain_that_differs_stops_the_register(tmp_path: Path, spoil: str) -> None:
    bench = Bench(tmp_path).opened()
    right = list(bench.authority.booked), bench.authority.link
    if spoil == "behind":
        bench.authority.booked.pop()
    elif spoil == "ahead":
        bench.authority.booked.append(bench.authority.booked[0])
    else:
        bench.authority.link = bytes(32)
    refused("TS-3252", lambda: bench.do("a", sale()))
    bench.authority.booked, bench.authority.link = right
    refused("TS-3252", lambda: bench.do("b", sale()))
    bench.restart()
    refused("TS-3252", lambda: bench.do("c", sale()))
    assert bench.register.status().stopped
    assert bench.register.status().state.documents == 2
    bench.register.lift_stop()
    bench.do("d", sale())


@pytest.mark.parametrize("code", ["TS-1403", "TS-1404"])
def test_another_register_under_our_name_stops_us(tmp_path: Path, code: str) -> None:
    bench = Bench(tmp_path).opened()
    bench.authority.refusals = [code]
    refused("TS-3252", lambda: bench.do("a", sale()))
    assert code in bench.register.status().stopped


def test_payments_cover_the_total_and_only_cash_gives_change(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    answer = json.loads(bench.do("a", sale("12.50", paid="20")))
    assert answer["change"] == "7.50"
    assert "Handed over:" in answer["journal"]
    signed = read_document(bench.authority.booked[-1].payload).sale
    assert signed is not None
    assert signed.payments == cash("12.50")
    refused("TS-3254", lambda: bench.do("b", sale("12.50", paid="12.49")))
    card = attrs.evolve(sale("1.00"), payments=(Payment(Money.of("2.00"), PaymentType.CARD),))
    refused("TS-3254", lambda: bench.do("c", card))
    assert len(bench.authority.booked) == 3


def test_what_the_authority_would_refuse_is_not_signed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline=True).opened()
    refused("TS-2005", lambda: bench.do("a", sale("1.00", quantity="0", paid="0")))
    refused("TS-2001", lambda: bench.do("b", sale("1.00", label="Q")))
    assert len(bench.documents) == 2


def test_k_21_a_refund_is_checked_against_the_registers_own_memory(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.do("a", sale("10.00"))
    part = Refund(original=numbered(3), lines=(line("4.00"),), payments=cash("4.00"))
    bench.do("r1", part)
    bench.do("r2", part)
    refused("TS-3256", lambda: bench.do("r3", part))
    refused("TS-3255", lambda: bench.do("r4", attrs.evolve(part, original=numbered(99))))
    refused("TS-3255", lambda: bench.do("r5", attrs.evolve(part, original=numbered(4))))
    foreign = SdcInvoiceNumber(UID, type(UID)("TILL0002"), 3)
    refused("TS-3255", lambda: bench.do("r6", attrs.evolve(part, original=foreign)))
    refused("TS-3254", lambda: bench.do("r7", attrs.evolve(part, lines=(line("2.00"),), payments=cash("1.99"))))
    bench.do("r8", attrs.evolve(part, lines=(line("2.00"),), payments=cash("2.00")))
    assert bench.register.status().state.turnover == Money.of("0")


def test_s1_029_a_shift_of_24_hours_sells_nothing_and_can_be_closed(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    assert not bench.register.status().must_close
    bench.now += timedelta(hours=24)
    assert bench.register.status().must_close
    refused("TS-2408", lambda: bench.do("a", sale()))
    bench.do("z", CloseShift())
    refused("TS-2408", lambda: bench.do("b", sale()))
    bench.do("o", OpenShift())
    bench.do("b", sale())


def test_a_clock_behind_the_last_document_and_an_ended_certificate_stop_signing(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.now -= timedelta(minutes=5)
    refused("TS-3259", lambda: bench.do("a", sale()))
    bench.now += timedelta(days=400)
    refused("TS-3260", lambda: bench.do("a", sale()))
    assert len(bench.authority.booked) == 2


def test_two_documents_of_one_moment_have_two_times(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    bench.register.clock = lambda: bench.now
    bench.do("a", sale())
    bench.do("b", sale())
    first, second = (read_signed(one).header.time_ms for one in bench.documents[-2:])
    assert second == first + 1


def test_a_store_of_another_register_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    refused("TS-3258", bench.switch_on)
    bench.switch_off()
    bench.offline = True
    refused("TS-3258", bench.switch_on)


def test_s0_033_a_link_is_sent_by_the_authority(tmp_path: Path) -> None:
    authority = Authority()
    bench = Bench(tmp_path, authority=authority).opened()
    bench.do("a", sale())
    bench.register.send_link(3, "email", "a@b.example")
    assert authority.links == [(f"{UID}-{UID}-3", "email", "a@b.example")]
    refused("TS-3255", lambda: bench.register.send_link(9, "email", "a@b.example"))


def test_prices_are_rounded_half_up_to_the_currencys_places(tmp_path: Path) -> None:
    setup = Bench(tmp_path).setup()
    assert setup.price(Money.of("0.01"), Quantity.of("0.5")) == Money.of("0.01")
    assert setup.price(Money.of("0.01"), Quantity.of("0.499")) == Money.of("0")
    assert setup.price(Money.of("3.33"), Quantity.of("1.5")) == Money.of("5.00")
    assert price_of(line("3.33", "1.5")) == Money.of("5.00")
