"""A receipt in one pass, which most documents are: read whole and right, or left to the exact reader.

What this reader takes the exact one (`wire.national_document`) takes with the same result, and it has no opinion of
anything else: it never says what is wrong. A pattern in the validator costs more than all the rest of a member, so the
members of a form are plain texts here; each text is looked at when it becomes a value, once for all receipts that say
the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import FixedPoint, Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceItem, Payment
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import DocumentKind, FormNumber, NationalDocument, Sale, StatedTax
from tallystick.wire import national_members as members
from tallystick.wire.national_writing import OPERATIONS, PAYMENTS
from tallystick.wire.strict_json import is_doubtful

_AMOUNTS_KEPT = 16_384
_OTHERS_KEPT = 4_096
_ALWAYS = 12 + 9
"""Names of the members that every receipt has, and the texts among them: version, kind, build, utc_offset, shift,
operation, currency, rate_group, total; and without one items, payments, taxes."""
_ITEM_ALWAYS = 5 + 4
"""The same of an item: name, quantity, price, total; and without one labels."""
Fixed = TypeVar("Fixed", bound=FixedPoint)


class _Item(members.ItemMembers):
    quantity: str
    price: str
    total: str
    gtin: Annotated[str, Meta(min_length=8, max_length=14)] = ""


class _Payment(members.PaymentMembers):
    amount: str


class _Tax(members.TaxMembers):
    rate: str
    amount: str


class _Receipt(members.ReceiptMembers, tag="receipt"):
    build: str
    utc_offset: str
    shift: str
    currency: str
    rate_group: str
    items: Annotated[tuple[_Item, ...], Meta(min_length=1, max_length=members.ITEMS_MAX)]
    payments: Annotated[tuple[_Payment, ...], Meta(min_length=1, max_length=members.PAYMENTS_MAX)]
    taxes: Annotated[tuple[_Tax, ...], Meta(max_length=members.TAXES_MAX)]
    total: str


_decode = msgspec.json.Decoder(_Receipt).decode
_POSITIVE = re.compile(members.POSITIVE_FORM)
_QUANTITY = re.compile(members.QUANTITY_FORM)
_RATE = re.compile(members.RATE_FORM)
_NUMBER = re.compile(members.NUMBER_FORM)
_OFFSET = re.compile(members.OFFSET_FORM)
_WORDS = {
    "build": re.compile(members.BUILD_FORM),
    "currency": re.compile(members.CURRENCY_FORM),
    "gtin": re.compile(members.GTIN_FORM),
}


def read_quickly(payload: bytes) -> NationalDocument | None:
    """A receipt; none for all that needs a closer look."""
    if is_doubtful(payload) or len(payload) > LIMITS.audit_package_bytes:
        return None
    try:
        said = _decode(payload)
        # The decoder keeps the last of two members of one name, so all quotes are counted: two around each name
        # and text, however they are set apart; an escaped one is one too many and gets the closer look.
        return _document(said) if payload.count(b'"') == 2 * _names_and_texts(said) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _NeedsAnotherLook, Fault):
        return None


class _NeedsAnotherLook(ValueError):
    """A text has not the form of its member."""


def _names_and_texts(said: _Receipt) -> int:
    """How many names its objects have, and how many texts stand in them."""
    count = _ALWAYS + _ITEM_ALWAYS * len(said.items) + (2 + 2) * len(said.payments) + (3 + 3) * len(said.taxes)
    for item in said.items:
        count += len(item.labels)
        if item.gtin:
            count += 2
    if said.form is not msgspec.UNSET:
        count += 1 + 2 + 2
    return count + 2 * (bool(said.cashier) + bool(said.buyer) + bool(said.refers_to) + bool(said.reason))


def sale_of(said: members.ReceiptMembers) -> Sale:
    """The sale that the members say; raises ``TS-1313`` for a ``refers_to`` that is no fiscal number."""
    items = [
        InvoiceItem(
            item.name,
            _quantity(item.quantity),
            _money(item.price),
            item.labels,
            _money(item.total),
            _word("gtin", item.gtin) if item.gtin else None,
        )
        for item in said.items
    ]
    return Sale(
        operation=OPERATIONS[said.operation],
        items=tuple(items),
        payments=tuple([Payment(_money(one.amount), PAYMENTS[one.kind]) for one in said.payments]),
        taxes=tuple([StatedTax(one.label, _rate(one.rate), _money(one.amount)) for one in said.taxes]),
        total=_money(said.total),
        rate_group=_number(said.rate_group),
        currency=_word("currency", said.currency),
        cashier=said.cashier,
        buyer_id=said.buyer,
        refers_to=SdcInvoiceNumber.parse(said.refers_to) if said.refers_to else None,
        reason=said.reason,
        form=None if said.form is msgspec.UNSET else FormNumber(said.form.series, said.form.number),
    )


def _document(said: _Receipt) -> NationalDocument:
    return NationalDocument(
        kind=DocumentKind.RECEIPT,
        build=_word("build", said.build),
        utc_offset_minutes=_offset(said.utc_offset),
        content=sale_of(said),
        shift=_number(said.shift),
    )


@lru_cache(maxsize=_AMOUNTS_KEPT)
def _money(text: str) -> Money:
    return fixed(Money, _formed(_POSITIVE, text))


@lru_cache(maxsize=_OTHERS_KEPT)
def _quantity(text: str) -> Quantity:
    return fixed(Quantity, _formed(_QUANTITY, text))


@lru_cache(maxsize=_OTHERS_KEPT)
def _rate(text: str) -> Rate:
    return fixed(Rate, _formed(_RATE, text))


@lru_cache(maxsize=_OTHERS_KEPT)
def _number(text: str) -> int:
    return int(_formed(_NUMBER, text))


@lru_cache(maxsize=_OTHERS_KEPT)
def _offset(text: str) -> int:
    return int(_formed(_OFFSET, text))


@lru_cache(maxsize=_AMOUNTS_KEPT)
def _word(member: str, text: str) -> str:
    return _formed(_WORDS[member], text)


def _formed(form: re.Pattern[str], text: str) -> str:
    if form.search(text) is None:
        raise _NeedsAnotherLook
    return text


def fixed(kind: type[Fixed], text: str) -> Fixed:
    """The value of a text whose form was checked, without a decimal in between."""
    whole, _, rest = text.partition(".")
    return kind(int(whole + rest.ljust(kind.places, "0")))
