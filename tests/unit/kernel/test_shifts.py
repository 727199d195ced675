"""Shifts: S1-028 to S1-033, TS-2408 and TS-2409."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import (
    Closure,
    Content,
    CountAndSum,
    DocumentKind,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
    StatedTax,
)
from tallystick.kernel.shifts import SHIFT_HOURS_MOST, RegisterState
from tallystick.wire.national_document import read_document, write_document

NINE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
REPORT = RegisterReport(maker="acme", model="T1", serial_number="1")


def document(kind: DocumentKind, content: Content, shift: int = 0) -> NationalDocument:
    return NationalDocument(kind=kind, build="0" * 64, utc_offset_minutes=0, content=content, shift=shift)


def sale(amount: str, operation: TransactionType = TransactionType.SALE, kind: PaymentType = PaymentType.CASH) -> Sale:
    money = Money.of(amount)
    return Sale(
        operation=operation,
        items=(InvoiceItem("Milk", Quantity.of("1"), money, ("A",), money),),
        payments=(Payment(money, kind),),
        taxes=(StatedTax("a", Rate.of("10"), Money.of("0.1")),),
        total=money,
        rate_group=1,
        currency="XTS",
    )


def opened() -> RegisterState:
    """A register with its shift 1 open since nine; two documents so far."""
    state = RegisterState().after(document(DocumentKind.REGISTRATION, REPORT), 1, NINE)
    return state.after(document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money.of("50")), 1), 2, NINE)


def receipt(amount: str = "4.5", **kwargs: TransactionType | PaymentType) -> NationalDocument:
    return document(DocumentKind.RECEIPT, sale(amount, **kwargs), 1)  # type: ignore[arg-type]  # two kinds of keyword


def code(act: Callable[[], object]) -> str:
    with pytest.raises(Fault) as caught:
        act()
    return caught.value.code


def test_s1_029_a_closing_is_the_sum_of_its_shift() -> None:
    state = opened()
    state = state.after(receipt("10"), 3, NINE)
    state = state.after(receipt("2.5", kind=PaymentType.CARD), 4, NINE)
    state = state.after(receipt("4", operation=TransactionType.REFUND), 5, NINE)
    state = state.after(document(DocumentKind.CORRECTION, sale("1", TransactionType.REFUND), 1), 6, NINE)
    report = state.report(7)
    assert (report.first, report.last) == (2, 6)
    assert report.totals.sales == CountAndSum(2, Money.of("12.5"))
    assert report.totals.refunds == CountAndSum(1, Money.of("4"))
    assert report.totals.corrections_down == CountAndSum(1, Money.of("1"))
    assert report.totals.payments == (("card", Money.of("2.5")), ("cash", Money.of("5")))
    assert report.totals.taxes == (("A", Money.of("0")),)
    assert (report.cash, report.turnover) == (Money.of("55"), Money.of("7.5"))
    after = state.after(document(DocumentKind.SHIFT_CLOSING, report, 1), 7, NINE)
    assert not after.is_open
    assert (after.shift, after.documents, after.turnover) == (1, 7, Money.of("7.5"))


def test_s1_030_a_status_report_leaves_the_shift_open() -> None:
    state = opened().after(receipt(), 3, NINE)
    after = state.after(document(DocumentKind.STATUS, state.report(4), 1), 4, NINE)
    assert after == attrs.evolve(state, documents=4)


@pytest.mark.parametrize(
    "change",
    [
        lambda report: attrs.evolve(report, turnover=Money(report.turnover.scaled + 1)),
        lambda report: attrs.evolve(report, cash=Money(report.cash.scaled - 1)),
        lambda report: attrs.evolve(report, first=report.first - 1),
        lambda report: attrs.evolve(report, last=report.last + 1),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, taxes=())),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, payments=(("card", Money.of("4.5")),))),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, sales=CountAndSum(2, Money.of("4.5")))),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, refunds=CountAndSum(1))),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, corrections_up=CountAndSum(1))),
        lambda report: attrs.evolve(report, totals=attrs.evolve(report.totals, corrections_down=CountAndSum(1))),
    ],
)
@pytest.mark.parametrize("kind", [DocumentKind.SHIFT_CLOSING, DocumentKind.STATUS])
def test_ts_2409_a_report_that_differs_by_the_smallest_unit(
    kind: DocumentKind, change: Callable[[ShiftReport], ShiftReport]
) -> None:
    state = opened().after(receipt(), 3, NINE)
    assert code(lambda: state.after(document(kind, change(state.report(4)), 1), 4, NINE)) == "TS-2409"


def test_noughts_may_be_left_out() -> None:
    state = opened().after(receipt(), 3, NINE).after(receipt(operation=TransactionType.REFUND), 4, NINE)
    ours = state.report(5)
    assert ours.totals.payments == (("cash", Money(0)),)
    said = attrs.evolve(ours, totals=attrs.evolve(ours.totals, payments=(), taxes=()))
    assert not state.after(document(DocumentKind.SHIFT_CLOSING, said, 1), 5, NINE).is_open


def test_ts_2408_a_shift_sells_for_a_day() -> None:
    state = opened()
    last = NINE + timedelta(hours=SHIFT_HOURS_MOST) - timedelta(milliseconds=1)
    assert state.after(receipt(), 3, last).documents == 3
    late = NINE + timedelta(hours=SHIFT_HOURS_MOST)
    assert code(lambda: state.after(receipt(), 3, late)) == "TS-2408"
    assert not state.after(document(DocumentKind.SHIFT_CLOSING, state.report(3), 1), 3, late).is_open


def test_ts_2408_the_order_of_documents() -> None:
    fresh = RegisterState()
    registered = fresh.after(document(DocumentKind.REGISTRATION, REPORT), 1, NINE)
    opening = document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money(0)), 1)
    state = opened()
    assert code(lambda: fresh.after(opening, 1, NINE)) == "TS-2408"
    assert code(lambda: registered.after(document(DocumentKind.REGISTRATION, REPORT), 2, NINE)) == "TS-2408"
    assert code(lambda: registered.after(receipt(), 2, NINE)) == "TS-2408"
    assert code(lambda: registered.after(attrs.evolve(opening, shift=2), 2, NINE)) == "TS-2408"
    assert code(lambda: state.after(opening, 3, NINE)) == "TS-2408"
    assert code(lambda: state.after(attrs.evolve(receipt(), shift=2), 3, NINE)) == "TS-2408"
    assert code(lambda: state.after(document(DocumentKind.RE_REGISTRATION, REPORT), 3, NINE)) == "TS-2408"
    assert registered.after(document(DocumentKind.RE_REGISTRATION, REPORT), 2, NINE).documents == 2


def test_ts_2408_nothing_is_sold_between_two_shifts_and_no_shift_begins_in_another() -> None:
    """The number alone does not say that a shift is open: the closed one's is the register's still."""
    state = opened()
    between = state.after(document(DocumentKind.SHIFT_CLOSING, state.report(3), 1), 3, NINE)
    assert between.shift == receipt().shift
    again = document(DocumentKind.SHIFT_CLOSING, between.report(4), 1)
    for one in (receipt(), again, attrs.evolve(again, kind=DocumentKind.STATUS)):
        assert code(lambda d=one: between.after(d, 4, NINE)) == "TS-2408"  # type: ignore[misc]
    following = document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money(0)), 2)
    assert code(lambda: state.after(following, 3, NINE)) == "TS-2408"
    assert between.after(following, 4, NINE).is_open


def test_only_a_closing_tells_the_state_by_itself() -> None:
    state = opened()
    closing = document(DocumentKind.SHIFT_CLOSING, state.report(3), 1)
    assert RegisterState.after_closing(closing, 3) == state.after(closing, 3, NINE)
    for other in (attrs.evolve(closing, kind=DocumentKind.STATUS), receipt()):
        with pytest.raises(ValueError, match="closing"):
            RegisterState.after_closing(other, 3)


def test_s1_033_a_closed_memory_takes_nothing_more() -> None:
    state = opened()
    state = state.after(document(DocumentKind.SHIFT_CLOSING, state.report(3), 1), 3, NINE)
    closure = Closure(documents=3, turnover=Money(0), reason="end of business")
    wrong = attrs.evolve(closure, documents=4)
    assert code(lambda: state.after(document(DocumentKind.CLOSURE, wrong), 4, NINE)) == "TS-2409"
    closed = state.after(document(DocumentKind.CLOSURE, closure), 4, NINE)
    for kind, content, shift in (
        (DocumentKind.SHIFT_OPENING, ShiftOpening(Money(0)), 2),
        (DocumentKind.REGISTRATION, REPORT, 0),
        (DocumentKind.CLOSURE, closure, 0),
    ):
        assert code(lambda k=kind, c=content, s=shift: closed.after(document(k, c, s), 5, NINE)) == "TS-2408"  # type: ignore[misc]


@pytest.mark.parametrize("operation", list(TransactionType))
def test_ts_2005_no_sale_makes_a_sum_that_no_report_could_say(operation: TransactionType) -> None:
    """Else its shift could never be closed."""
    state = opened().after(receipt("50000000000000", operation=operation), 3, NINE)
    more = "49999999999949.9999"  # 50 lie in the drawer
    assert code(lambda: state.after(receipt("50000000000000", operation=operation), 4, NINE)) == "TS-2005"
    state = state.after(receipt(more, operation=operation), 4, NINE)
    closing = document(DocumentKind.SHIFT_CLOSING, state.report(5), 1)
    closed = state.after(read_document(write_document(closing)), 5, NINE)
    again = closed.after(document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money.of("0")), 2), 6, NINE)
    third = attrs.evolve(receipt("1000", operation=operation), shift=2)
    assert code(lambda: again.after(third, 7, NINE)) == "TS-2005", "the turnover goes through all shifts"
