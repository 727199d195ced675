"""S1-029, S1-030: what a register's state says after any sales is what summing them up anew says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import (
    Content,
    CountAndSum,
    DocumentKind,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    StatedTax,
)
from tallystick.kernel.shifts import PAYMENT_WORDS, RegisterState

NINE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SCALED = st.integers(0, 10**9)
ITEM = InvoiceItem("Milk", Quantity(1000), Money(1), ("A",), Money(1))
SALES = st.builds(
    Sale,
    operation=st.sampled_from(TransactionType),
    items=st.just((ITEM,)),
    payments=st.lists(st.builds(Payment, SCALED.map(Money), st.sampled_from(PaymentType)), max_size=3).map(tuple),
    taxes=st.lists(
        st.builds(StatedTax, st.sampled_from(["A", "a", "B", "ß"]), st.just(Rate(0)), SCALED.map(Money)), max_size=3
    ).map(tuple),
    total=SCALED.map(Money),
    rate_group=st.just(1),
    currency=st.just("XTS"),
)
KINDS = st.sampled_from([DocumentKind.RECEIPT, DocumentKind.ACCOUNTABLE_FORM, DocumentKind.CORRECTION])


def document(kind: DocumentKind, content: Content, shift: int = 0) -> NationalDocument:
    return NationalDocument(kind=kind, build="0" * 64, utc_offset_minutes=0, content=content, shift=shift)


def opened(cash: int) -> RegisterState:
    report = RegisterReport(maker="acme", model="T1", serial_number="1")
    state = RegisterState().after(document(DocumentKind.REGISTRATION, report), 1, NINE)
    return state.after(document(DocumentKind.SHIFT_OPENING, ShiftOpening(Money(cash)), 1), 2, NINE)


@given(SCALED, st.lists(st.tuples(KINDS, SALES), max_size=8))
def test_the_fold_of_sales_is_their_sum(cash: int, sold: list[tuple[DocumentKind, Sale]]) -> None:
    begun = opened(cash)
    state = begun
    for sequence, (kind, sale) in enumerate(sold, 3):
        after = state.after(document(kind, sale, 1), sequence, NINE)
        assert after == state.in_spite(document(kind, sale, 1), sequence, NINE)
        state = after

    def counted(correction: bool, operation: TransactionType) -> CountAndSum:
        totals = [
            sale.total.scaled
            for kind, sale in sold
            if (kind is DocumentKind.CORRECTION) is correction and sale.operation is operation
        ]
        return CountAndSum(len(totals), Money(sum(totals)))

    taxes: Counter[str] = Counter()
    payments: Counter[str] = Counter()
    turnover = 0
    for _, sale in sold:
        sign = -1 if sale.operation is TransactionType.REFUND else 1
        turnover += sign * sale.total.scaled
        for tax in sale.taxes:
            taxes[tax.label.upper()] += sign * tax.amount.scaled
        for one in sale.payments:
            payments[PAYMENT_WORDS[one.payment_type]] += sign * one.amount.scaled
    totals = state.totals
    assert (totals.sales, totals.refunds) == (
        counted(False, TransactionType.SALE),
        counted(False, TransactionType.REFUND),
    )
    assert (totals.corrections_up, totals.corrections_down) == (
        counted(True, TransactionType.SALE),
        counted(True, TransactionType.REFUND),
    )
    assert totals.taxes == tuple((key, Money(taxes[key])) for key in sorted(taxes))
    assert totals.payments == tuple((key, Money(payments[key])) for key in sorted(payments))
    assert (state.cash, state.turnover) == (Money(cash + payments["cash"]), Money(turnover))
    assert (state.documents, state.shift, state.first, state.opened_at) == (2 + len(sold), 1, 2, NINE)
    assert (state.is_registered, state.is_closed, begun.is_open) == (True, False, True)


@given(SALES, KINDS)
def test_ts_2408_no_sale_without_its_open_shift(sale: Sale, kind: DocumentKind) -> None:
    for state, shift in ((RegisterState(), 1), (RegisterState(is_registered=True), 1), (opened(0), 2)):
        with pytest.raises(Fault, match="TS-2408"):
            state.after(document(kind, sale, shift), 3, NINE)
