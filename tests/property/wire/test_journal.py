"""Journals of any invoice: the frame holds, the printed figures add up, the reader gives the values back."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taxcore_values import RESULT, SALE, only_faults, requests

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, TaxCategoryType, TaxItem, TransactionType
from tallystick.wire.journal import (
    LANGUAGES,
    JournalFacts,
    JournalLanguage,
    counter_extension,
    read_journal,
    render_journal,
)
from tallystick.wire.journal_text import read_local_time

ZONE = ZoneInfo("Antarctica/McMurdo")
words = st.text(st.sampled_from("abcŠЖЂя0123456789/%&-.,"), min_size=1, max_size=12)
tax_items = st.builds(
    TaxItem,
    label=st.sampled_from("АЂЕГPЖ"),
    category_name=st.sampled_from(("VAT", "О-ПДВ", "Није у ПДВ", "A TAX WITH A VERY LONG NAME INDEED")),
    category_type=st.sampled_from(TaxCategoryType),
    category_order_id=st.just(0),
    rate=st.integers(0, 10**10).map(Rate),
    amount=st.integers(0, 10**13).map(Money),
)


def facts_of(request: InvoiceRequest, taxes: list[TaxItem], language: JournalLanguage) -> JournalFacts:
    return JournalFacts(
        seller=RESULT.seller,
        tax_items=tuple(taxes),
        total=request.total_amount,
        sdc_time=RESULT.sdc_time,
        number=RESULT.number,
        type_counter=RESULT.type_counter,
        counter_extension=counter_extension(request.invoice_type, request.transaction_type, language),
    )


SALE_HEAD = f"""\
--------------NORMAL SALE---------------
Items
{"=" * 40}
Name    Price        Qty.          Total
"""
languages = st.sampled_from(list(LANGUAGES.values()))


@given(requests, st.lists(tax_items, max_size=4), languages)
def test_s2_062_the_frame_holds_whatever_stands_in_it(
    request: InvoiceRequest, taxes: list[TaxItem], language: JournalLanguage
) -> None:
    lines = render_journal(request, facts_of(request, taxes, language), language, ZONE).split("\r\n")
    assert lines.pop() == ""
    assert max(map(len, lines)) == 40
    assert not any("\n" in line or "\r" in line for line in lines)
    title = language.fiscal_title if request.invoice_type.is_fiscal else language.non_fiscal_title
    assert lines[0] == title
    assert lines[-1] == (language.fiscal_end if request.invoice_type.is_fiscal else title)
    assert lines.count("=" * 40) >= 4
    assert [lines.count(head) for head in (language.items_head, language.taxes_head)] == [1, 1]


def _readable(request: InvoiceRequest, plain: list[str]) -> InvoiceRequest:
    """The request with texts whose blanks a reader can tell from those of the layout."""
    words = iter(" ".join(plain).split())
    return attrs.evolve(
        request,
        items=tuple(attrs.evolve(item, name=" ".join(plain)) for item in request.items),
        cashier=None if request.cashier is None else next(words),
        buyer_cost_center_id=None if request.buyer_cost_center_id is None else next(words),
        invoice_number=None if request.invoice_number is None else next(words),
    )


readable_requests = st.builds(_readable, requests, st.lists(words, min_size=3, max_size=9))


@given(readable_requests, st.lists(tax_items, max_size=4), languages)
def test_a_journal_read_back_says_what_was_printed(
    request: InvoiceRequest, taxes: list[TaxItem], language: JournalLanguage
) -> None:
    """S2-066: one anatomy in every language, by which one reader finds every part."""
    read = read_journal(render_journal(request, facts_of(request, taxes, language), language, ZONE))
    assert (read.language, read.is_fiscal) == (language.tag, request.invoice_type.is_fiscal)
    assert (read.invoice_type, read.transaction_type) == (request.invoice_type, request.transaction_type)
    assert (read.cashier, read.buyer_id) == (request.cashier or "", request.buyer_id)
    assert (read.cost_center, read.pos_number) == (request.buyer_cost_center_id, request.invoice_number)
    assert read.referent_number == request.referent_document_number
    sign = -1 if request.transaction_type is TransactionType.REFUND else 1
    assert [(item.name, item.labels, item.total) for item in read.items] == [
        (item.name, item.labels, sign * item.total_amount.rounded(2)) for item in request.items
    ]
    assert [item.quantity for item in read.items] == [item.quantity.decimal for item in request.items]
    assert [payment.amount for payment in read.payments] == [payment.amount.rounded(2) for payment in request.payments]
    assert [(tax.label, tax.name, tax.amount) for tax in read.taxes] == [
        (tax.label, tax.category_name, tax.amount.rounded(2)) for tax in taxes
    ]
    assert read.total == request.total_amount.rounded(2)
    assert read.total_tax == sum((tax.amount for tax in read.taxes), Decimal(0))  # of the printed lines
    assert read.invoice_number == str(RESULT.number)
    printed = read_local_time(read.sdc_time, ZONE)
    assert timedelta() <= RESULT.sdc_time - printed < timedelta(seconds=1)


@given(requests, st.lists(tax_items, max_size=2), languages, st.data())
def test_any_damage_to_a_journal_is_read_or_a_coded_fault(
    request: InvoiceRequest, taxes: list[TaxItem], language: JournalLanguage, draw: st.DataObject
) -> None:
    lines = render_journal(request, facts_of(request, taxes, language), language, ZONE).split("\r\n")
    position = draw.draw(st.integers(0, len(lines) - 1))
    damage = draw.draw(st.text() | st.sampled_from(lines))
    removed = draw.draw(st.integers(0, 3))
    only_a_journal_or_a_fault("\r\n".join([*lines[:position], damage, *lines[position + removed :]]))


@given(st.text())
def test_any_text_is_a_journal_or_a_coded_fault(text: str) -> None:
    only_a_journal_or_a_fault(text)
    only_a_journal_or_a_fault(LANGUAGES["en-US"].fiscal_title + "\n" + text)


def only_a_journal_or_a_fault(text: str) -> None:
    for escaped in (False, True):
        with only_faults("TS-1220"):
            read_journal(text, escaped=escaped)


@pytest.mark.parametrize("filler", ["x\n", "1 2\n", "x) \n", ":\n", "a:\n"])
@pytest.mark.parametrize("head", ["Cashier TIN:\n", SALE_HEAD])
def test_long_garbage_is_refused_quickly(head: str, filler: str) -> None:
    text = f"{LANGUAGES['en-US'].fiscal_title}\n{head}{filler * (1_000_000 // len(filler))}"
    started = time.perf_counter()
    with pytest.raises(Fault):
        read_journal(text)
    assert time.perf_counter() - started < 5.0  # about 0.1 s; what must not come back is quadratic work


def test_items_of_any_size_are_rendered() -> None:
    item = InvoiceItem("x" * 300, Quantity(1000), Money(10), ("A",), Money(10))
    request = attrs.evolve(SALE, items=(item,) * 1000)
    language = LANGUAGES["en-US"]
    text = render_journal(request, facts_of(request, [], language), language, ZONE)
    assert len(read_journal(text).items) == 1000
