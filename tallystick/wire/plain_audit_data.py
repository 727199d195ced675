"""The quick way through a package that is written as the contract says: same values as the tolerant reader, or none.

Most packages have the published keys, JSON numbers and nothing odd. For them a typed decoder does the work. Whatever
is not exactly so (other spelling of a key, a member twice, a number as text, odd characters) goes to the tolerant
reader, which judges it; so this one never refuses anything and never decides about an oddity.
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceOptions,
    InvoiceRequest,
    InvoiceResult,
    Payment,
    Seller,
    TaxItem,
)
from tallystick.wire.plain_values import (
    BLANK_AFTER_QUOTE,
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
from tallystick.wire.pos_values import INVOICE_TYPES, PAYMENT_TYPES, TAX_CATEGORY_TYPES, TRANSACTION_TYPES, read_time
from tallystick.wire.signed_part import SignedPart

_MONEY, _QUANTITY, _RATE = 10**Money.places, 10**Quantity.places, 10**Rate.places
_UINT32_END = 2**32
_CARD_END = 2**56


# Keys are those of the wire. Numbers and enumerations have type Any, so that their JSON form can be seen.
class _Options(Struct, forbid_unknown_fields=True, gc=False):
    omitQRCodeGen: str  # noqa: N815
    omitTextualRepresentation: str  # noqa: N815


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
    referentDocumentNumber: Text = UNSET  # noqa: N815
    referentDocumentDT: Text = UNSET  # noqa: N815
    options: _Options | UnsetType = UNSET


class _TaxItem(Struct, forbid_unknown_fields=True, gc=False):
    categoryType: Any  # noqa: N815
    label: str
    amount: Any
    rate: Any
    categoryName: str  # noqa: N815


class _Result(Struct, forbid_unknown_fields=True):
    requestedBy: str  # noqa: N815
    sdcDateTime: str  # noqa: N815
    invoiceCounter: str  # noqa: N815
    invoiceCounterExtension: str  # noqa: N815
    invoiceNumber: str  # noqa: N815
    taxItems: list[_TaxItem]  # noqa: N815
    verificationUrl: str  # noqa: N815
    verificationQRCode: None  # noqa: N815
    journal: str
    messages: str
    signedBy: str  # noqa: N815
    encryptedInternalData: str  # noqa: N815
    signature: str
    totalCounter: int  # noqa: N815
    transactionTypeCounter: int  # noqa: N815
    totalAmount: Any  # noqa: N815
    taxGroupRevision: int  # noqa: N815
    businessName: str  # noqa: N815
    tin: str
    locationName: str  # noqa: N815
    address: str
    district: str
    mrc: str


class _AuditData(Struct, forbid_unknown_fields=True):
    request: _Request
    result: _Result


_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, NotPlain, Fault, ArithmeticError, ValueError)
_decode = msgspec.json.Decoder(_AuditData, float_hook=fraction).decode


def read_plainly(plain: bytes, zone: tzinfo) -> tuple[InvoiceRequest, InvoiceResult] | None:
    """Both halves of a package, or None when it is not written plainly. ``plain`` holds no doubtful characters."""
    try:
        value = _read(plain)
        return _request(value.request, zone), _result(value.result)
    except _ODD:
        return None


def read_signed_plainly(plain: bytes) -> SignedPart | None:
    """What the card signed and what the buyer got of it, without lines, payments and taxes; None as `read_plainly`."""
    try:
        value = _read(plain)
        request, result = value.request, value.result
        number, total = _number(result), _counted(result)
        return SignedPart(
            invoice_type=member(INVOICE_TYPES.read(request.invoiceType)),
            transaction_type=member(TRANSACTION_TYPES.read(request.transactionType)),
            buyer_id=_buyer_id(request) or "",
            sdc_time=member(_time(result.sdcDateTime, UTC)),
            type_counter=result.transactionTypeCounter,
            total_counter=number.ordinal,
            total_amount=total,
            encrypted_internal_data=_bytes(result.encryptedInternalData, (256, 512)),
            signature=_bytes(result.signature, (256,)),
            verification_url=result.verificationUrl,
            journal=result.journal,
        )
    except _ODD:
        return None


def _read(plain: bytes) -> _AuditData:
    if BLANK_AFTER_QUOTE.search(plain) is not None:
        raise NotPlain
    value = _decode(plain)
    if _members(value) != stated_members(plain):
        raise NotPlain  # a member stands twice
    return value


def _members(value: _AuditData) -> int:
    """How many members the decoder has seen, if none stood twice."""
    request = value.request
    optional = (
        request.dateAndTimeOfIssue,
        request.cashier,
        request.buyerId,
        request.buyerCostCenterId,
        request.invoiceNumber,
        request.referentDocumentNumber,
        request.referentDocumentDT,
        request.options,
    )
    count = 2 + len(_Request.__struct_fields__) - optional.count(UNSET) + len(_Result.__struct_fields__)
    count += 2 * len(request.payment) + 5 * len(request.items) + 5 * len(value.result.taxItems)
    count += 2 if request.options is not UNSET else 0
    return count + sum([1 for item in request.items if item.gtin is not UNSET])


def _text(value: Text) -> str | None:
    return value or None if isinstance(value, str) else None


def _time(value: Text, zone: tzinfo) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    moment = read_time(value, zone)
    if moment is None:
        raise NotPlain
    return moment


def _request(value: _Request, zone: tzinfo) -> InvoiceRequest:
    if not value.items:
        raise NotPlain
    buyer_id = _buyer_id(value)
    cashier = value.cashier
    return InvoiceRequest(
        invoice_type=member(INVOICE_TYPES.read(value.invoiceType)),
        transaction_type=member(TRANSACTION_TYPES.read(value.transactionType)),
        payments=tuple([_payment(payment) for payment in value.payment]),
        items=tuple([_item(item) for item in value.items]),
        date_and_time_of_issue=_time(value.dateAndTimeOfIssue, zone),
        cashier=cashier if cashier is not UNSET else None,
        buyer_id=buyer_id,
        buyer_cost_center_id=_text(value.buyerCostCenterId),
        invoice_number=_text(value.invoiceNumber),
        referent_document_number=_text(value.referentDocumentNumber),
        referent_document_dt=_time(value.referentDocumentDT, zone),
        options=_options(value.options),
    )


def _buyer_id(value: _Request) -> str | None:
    buyer_id = _text(value.buyerId)
    if buyer_id is not None and len(buyer_id.encode()) > 20:
        raise NotPlain
    return buyer_id


def _payment(value: PlainPayment) -> Payment:
    return Payment(Money(units(value.amount, _MONEY)), member(PAYMENT_TYPES.read(value.paymentType)))


def _item(value: PlainItem) -> InvoiceItem:
    labels = value.labels
    return InvoiceItem(
        value.name,
        Quantity(units(value.quantity, _QUANTITY)),
        Money(units(value.unitPrice, _MONEY)),
        tuple(labels) if len(labels) < 2 else tuple(dict.fromkeys(labels)),
        Money(units(value.totalAmount, _MONEY)),
        _text(value.gtin),
    )


def _options(value: _Options | UnsetType) -> InvoiceOptions:
    if value is UNSET:
        return InvoiceOptions()
    try:
        return InvoiceOptions(YES[value.omitQRCodeGen], YES[value.omitTextualRepresentation])
    except KeyError:
        raise NotPlain from None


def _number(value: _Result) -> SdcInvoiceNumber:
    number = SdcInvoiceNumber.parse(value.invoiceNumber)
    said = (value.requestedBy, value.signedBy, value.totalCounter)
    if said != (number.requested_by, number.signed_by, number.ordinal):
        raise NotPlain
    return number


def _counted(value: _Result) -> Money:
    """The total, and whether it and the counters fit the card's fields."""
    total = units(value.totalAmount, _MONEY)
    counter, revision = value.transactionTypeCounter, value.taxGroupRevision
    if not (0 <= total < _CARD_END and 0 <= counter < _UINT32_END and 0 <= revision < _UINT32_END):
        raise NotPlain
    return Money(total)


def _result(value: _Result) -> InvoiceResult:
    number, total = _number(value), _counted(value)
    if not value.invoiceCounterExtension:
        raise NotPlain
    return InvoiceResult(
        number=number,
        sdc_time=member(_time(value.sdcDateTime, UTC)),
        type_counter=value.transactionTypeCounter,
        counter_extension=value.invoiceCounterExtension,
        tax_items=tuple([_tax_item(item) for item in value.taxItems]),
        tax_group_revision=value.taxGroupRevision,
        total_amount=total,
        verification_url=value.verificationUrl,
        verification_qr_code=None,
        journal=value.journal or None,
        encrypted_internal_data=_bytes(value.encryptedInternalData, (256, 512)),
        signature=_bytes(value.signature, (256,)),
        seller=Seller(
            tin=Tin(value.tin),
            business_name=value.businessName,
            location_name=value.locationName,
            address=value.address,
            district=value.district,
        ),
        mrc=value.mrc,
        messages=value.messages,
    )


def _tax_item(value: _TaxItem) -> TaxItem:
    if not value.label:
        raise NotPlain
    return TaxItem(
        value.label,
        value.categoryName,
        member(TAX_CATEGORY_TYPES.read(value.categoryType)),
        0,
        Rate(units(value.rate, _RATE)),
        Money(units(value.amount, _MONEY)),
    )


def _bytes(text: str, sizes: tuple[int, ...]) -> bytes:
    data = binascii.a2b_base64(text, strict_mode=True)
    if len(data) not in sizes:
        raise NotPlain
    return data
