"""What the offline verifier adds up: nobody gives back more than was sold, in whatever channel (S0-059)."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from register_records import fresh, record_of

from benchmarks.national_documents import Made, Register, sale_of
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import TransactionType
from tallystick.kernel.national_document import DocumentKind
from tallystick.verifier.refunds import PartRefunds, RefundBook
from tallystick.wire.record import Record

TIN = "300000003"


@pytest.fixture
def till() -> Register:
    """A register with an open shift."""
    made = fresh()
    made.open()
    return made


def by_card(original: str, total: str, **changes: str) -> Record:
    """The record of a refund that a card has signed."""
    values: dict[str, Any] = {
        "device": "CARD0001-CARD0001",
        "se_total": "1",
        "taxpayer": TIN,
        "type": str(0x0101),
    } | changes
    return Record(version="1", refers_to=original, total=str(Money.of(total).scaled), **values)


def given_back(parts: list[list[Made | Record]], *, whole: bool = True, flags: tuple[str, ...] = ()) -> list[int]:
    """The entries that give back too much, parts joined as the verifier joins them."""
    book, index = RefundBook(), 0
    books: list[PartRefunds] = []
    for part in parts:
        one = PartRefunds()
        for made in part:
            index += 1
            one.take(index, made if isinstance(made, Record) else record_of(made, flags=flags))
        book.take(one.refunds, one.originals)
        books.append(one)
    for one in books:  # the second pass
        book.totals |= {number: one._totals[number] for number in book.wanted if number in one._totals}
    return [found.index for found in book.judge(whole=whole)]


def test_s0_059_what_was_sold_is_given_back_once(till: Register) -> None:
    sold = till.sell("10.90")
    first, second, third = till.refund(sold, "4.00"), till.refund(sold, "6.90"), till.refund(sold, "0.01")
    assert given_back([[sold, first, second]]) == []
    assert given_back([[sold, first], [second], [third]]) == [4]
    assert given_back([[sold, first, second, third]], flags=("TS-2104",)) == []


def test_s0_059_what_a_card_gave_back_counts_against_a_register(till: Register) -> None:
    sold = till.sell("10.90")
    back, card = till.refund(sold, "6.90"), by_card(sold.number.lower(), "4.01")
    assert given_back([[sold, card], [back]]) == [3]
    assert given_back([[sold, back], [card]]) == [3]
    assert given_back([[sold], [back, by_card(sold.number, "4.00")]]) == []
    assert given_back([[sold, by_card(sold.number, "4.01", taxpayer="9")], [back]]) == [], "another taxpayer's"
    assert given_back([[sold, card, by_card(sold.number, "99")]]) == [], "cards alone: the merchant's matter"
    assert given_back([[by_card("CARD0009-CARD0009-1", "99")]]) == [], "nobody asked for the original"
    assert given_back([[by_card(sold.number, "99", type=str(0x0121))], [sold, back]]) == [], "a copy moves no money"


def test_s0_059_an_instalment_is_not_all_that_a_card_gives_back(till: Register) -> None:
    advance = {"device": "CARD0001-CARD0001", "taxpayer": TIN, "type": str(0x0140)}
    last = by_card("CARD0001-CARD0001-1", "5.00", **(advance | {"se_total": "2"}))
    card = by_card("CARD0001-CARD0001-2", "15.00", se_total="3", type=str(0x0141))
    till.sell("1.00")
    number = SdcInvoiceNumber.parse("CARD0001-CARD0001-2")
    content = attrs.evolve(sale_of("5.00", TransactionType.REFUND), refers_to=number, reason="returned")
    back = till.say(DocumentKind.RECEIPT, content)
    assert given_back([[last, back, card]]) == []


def test_s0_059_what_nobody_sold_is_given_back_by_nobody(till: Register) -> None:
    sold = till.sell("10.90")
    back = till.refund(sold)
    assert given_back([[back]]) == [1]
    assert given_back([[back]], whole=False) == [], "it may stand before what was exported"
