"""The quick way through a request that is written as the contract says: same values as the tolerant reader, or none.

It knows the published keys, JSON numbers, and what an ordinary sale has; a reference to another document, another
spelling, anything out of its bounds goes to the tolerant reader, which alone refuses.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceOptions,
    InvoiceRequest,
    InvoiceType,
    Payment,
    TransactionType,
)
from tallystick.kernel.limits import Limits
from tallystick.kernel.tax_rates import label_case
from tallystick.wire import strict_json
from tallystick.wire.plain_values import (
    BLANK_AFTER_QUOTE,
    PLAIN_BYTES_MAX,
    YES,
    NotPlain,
    PlainItem,
    PlainPayment,
    Text,
    fraction,
    member,
    stated_members,
    units,
)
from tallystick.wire.pos_values import (
    AMOUNT_MAX,
    INVOICE_TYPES,
    PAYMENT_TYPES,
    QUANTITY_MAX,
    TOTAL_MAX,
    TRANSACTION_TYPES,
    read_time,
)

_HUNDREDTH = 10**Money.places // 100


# Keys are those of the wire. Numbers and enumerations have type Any, so that their JSON form can be seen.
class _Options(Struct, forbid_unknown_fields=True, gc=False):
    omitQRCodeGen: str | UnsetType = UNSET  # noqa: N815
    omitTextualRepresentation: str | UnsetType = UNSET  # noqa: N815


class _Request(Struct, forbid_unknown_fields=True):
    invoiceType: Any  # noqa: N815
    transactionType: Any  # noqa: N815
    payment: list[PlainPayment]
    items: list[PlainItem]
    dateAndTimeOfIssue: Text = UNSET  # noqa: N815
    cashier: Text = UNSET
    buyerId: Text = UNSET  # noqa: N815
    buyerCostCenterId: Text = UNSET  # noqa: N815
    invoiceNumber: Text = UNSET  # noqa: N815
    options: _Options | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Request, float_hook=fraction).decode


def read_request_plainly(body: bytes, zone: tzinfo, limits: Limits) -> InvoiceRequest | None:
    """The request, or None when it is not written plainly; ``zone`` is for times without an offset."""
    if len(body) > PLAIN_BYTES_MAX or strict_json.is_doubtful(body) or BLANK_AFTER_QUOTE.search(body) is not None:
        return None
    try:
        value = _decode(body)
        if _members(value) != stated_members(body):
            return None  # a member stands twice
        return _Reader(zone, limits).read(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, NotPlain, ArithmeticError, ValueError):
        return None


def _members(value: _Request) -> int:
    """How many members the decoder has seen, if none stood twice."""
    optional = (
        value.dateAndTimeOfIssue,
        value.cashier,
        value.buyerId,
        value.buyerCostCenterId,
        value.invoiceNumber,
        value.options,
    )
    count = len(_Request.__struct_fields__) - optional.count(UNSET) + 2 * len(value.payment) + 5 * len(value.items)
    options = value.options
    if not isinstance(options, UnsetType):
        count += 2 - (options.omitQRCodeGen, options.omitTextualRepresentation).count(UNSET)
    return count + sum([1 for item in value.items if item.gtin is not UNSET])


class _Reader:
    """The bounds of one reading."""

    __slots__ = ("_limits", "_zone")

    def __init__(self, zone: tzinfo, limits: Limits) -> None:
        self._zone, self._limits = zone, limits

    def read(self, value: _Request) -> InvoiceRequest:
        limits = self._limits
        invoice_type = member(INVOICE_TYPES.read(value.invoiceType))
        transaction_type = member(TRANSACTION_TYPES.read(value.transactionType))
        if invoice_type is InvoiceType.COPY or transaction_type is TransactionType.REFUND:
            raise NotPlain  # they refer to a document
        if not (0 < len(value.items) <= limits.pos_items and 0 < len(value.payment) <= limits.pos_payments):
            raise NotPlain
        items = tuple([self._item(item) for item in value.items])
        if sum([item.total_amount.scaled for item in items]) > TOTAL_MAX:
            raise NotPlain
        buyer_id = _text(value.buyerId, limits.buyer_id_bytes)
        cost_center = _text(value.buyerCostCenterId, limits.buyer_cost_center_characters)
        if (buyer_id is not None and len(buyer_id.encode()) > limits.buyer_id_bytes) or (cost_center and not buyer_id):
            raise NotPlain
        return InvoiceRequest(
            invoice_type=invoice_type,
            transaction_type=transaction_type,
            payments=tuple([self._payment(payment) for payment in value.payment]),
            items=items,
            date_and_time_of_issue=self._time(value.dateAndTimeOfIssue),
            cashier=_text(value.cashier, limits.cashier_characters),
            buyer_id=buyer_id,
            buyer_cost_center_id=cost_center,
            invoice_number=_text(value.invoiceNumber, limits.invoice_number_characters),
            referent_document_number=None,
            referent_document_dt=None,
            options=_options(value.options),
        )

    def _amount(self, value: Any) -> Money:
        hundredths = units(value, 100)
        if not 0 <= hundredths <= AMOUNT_MAX:
            raise NotPlain
        return Money(hundredths * _HUNDREDTH)

    def _payment(self, value: PlainPayment) -> Payment:
        return Payment(self._amount(value.amount), member(PAYMENT_TYPES.read(value.paymentType)))

    def _item(self, value: PlainItem) -> InvoiceItem:
        limits, name, gtin = self._limits, value.name, value.gtin
        quantity = units(value.quantity, 1000)
        if not (0 < quantity <= QUANTITY_MAX and 0 < len(name) <= limits.item_name_characters):
            raise NotPlain
        if gtin is not UNSET and not limits.gtin_characters_min <= len(gtin) <= limits.gtin_characters_max:
            raise NotPlain
        return InvoiceItem(
            name,
            Quantity(quantity),
            self._amount(value.unitPrice),
            self._labels(value.labels),
            self._amount(value.totalAmount),
            None if gtin is UNSET else gtin,
        )

    def _labels(self, labels: list[str]) -> tuple[str, ...]:
        if not 0 < len(labels) <= self._limits.item_labels or "" in labels:
            raise NotPlain
        return tuple(dict.fromkeys([label_case(label) for label in labels]))

    def _time(self, value: Text) -> datetime | None:
        return member(read_time(value, self._zone)) if isinstance(value, str) else None


def _text(value: Text, longest: int) -> str | None:
    if not isinstance(value, str):
        return None
    if not 0 < len(value) <= longest:
        raise NotPlain
    return value


def _options(value: _Options | UnsetType) -> InvoiceOptions:
    if isinstance(value, UnsetType):
        return InvoiceOptions()
    return InvoiceOptions(_yes_or_no(value.omitQRCodeGen), _yes_or_no(value.omitTextualRepresentation))


def _yes_or_no(value: str | UnsetType) -> bool:
    if isinstance(value, UnsetType):
        return False
    answer: bool = member(YES.get(value))
    return answer
