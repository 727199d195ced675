"""Invoices for the tests of the TaxCore wire: one fixed sale, and strategies that make any other.

All values are made up here; UIDs, names and numbers belong to nobody.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import UINT32_MAX, SdcInvoiceNumber, Tin, Uid
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import (
    InvoiceItem,
    InvoiceOptions,
    InvoiceRequest,
    InvoiceResult,
    InvoiceType,
    Payment,
    PaymentType,
    Seller,
    TaxCategoryType,
    TaxItem,
    TransactionType,
)
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.wire.pos_values import AMOUNT_MAX, QUANTITY_MAX
from tallystick.wire.verification_url import VerificationData

UID = Uid("AB12CD34")
SERVER_UID = Uid("ZZ99YYO0")
PREFIX = "https://verify.example/v/?vl="
INTERNAL_DATA = bytes(range(256))
SIGNATURE = bytes(reversed(range(256)))

SALE_BODY: dict[str, Any] = {
    "dateAndTimeOfIssue": "2026-03-02T10:15:00+01:00",
    "invoiceType": "Normal",
    "transactionType": "Sale",
    "payment": [{"amount": 50, "paymentType": "Cash"}, {"amount": 18.46, "paymentType": "Card"}],
    "cashier": "Ana",
    "buyerId": "10:123456789",
    "buyerCostCenterId": "20:77",
    "invoiceNumber": "123/1.0",
    "referentDocumentNumber": "AB12CD34-AB12CD34-9",
    "referentDocumentDT": "2026-03-01T09:00:00Z",
    "options": {"omitQRCodeGen": "1", "omitTextualRepresentation": "0"},
    "items": [
        {
            "gtin": "12345670",
            "name": "Helmet/kom",
            "quantity": 2,
            "unitPrice": 30.1,
            "labels": ["A", "P"],
            "totalAmount": 60.2,
        },
        {"name": "Млеко", "quantity": 0.893, "unitPrice": 9.25, "labels": ["Ж"], "totalAmount": 8.26},
    ],
}

SALE = InvoiceRequest(
    invoice_type=InvoiceType.NORMAL,
    transaction_type=TransactionType.SALE,
    payments=(Payment(Money(500_000), PaymentType.CASH), Payment(Money(184_600), PaymentType.CARD)),
    items=(
        InvoiceItem("Helmet/kom", Quantity(2000), Money(301_000), ("A", "P"), Money(602_000), "12345670"),
        InvoiceItem("Млеко", Quantity(893), Money(92_500), ("Ж",), Money(82_600)),
    ),
    date_and_time_of_issue=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
    cashier="Ana",
    buyer_id="10:123456789",
    buyer_cost_center_id="20:77",
    invoice_number="123/1.0",
    referent_document_number="AB12CD34-AB12CD34-9",
    referent_document_dt=datetime(2026, 3, 1, 9, tzinfo=UTC),
    options=InvoiceOptions(omit_qr_code=True),
)

SELLER = Seller(
    tin=Tin("123456789"),
    business_name="Sample Ltd",
    location_name="1001-Sample Store",
    address="1 Sample Street   ",
    district="Sample",
)

RESULT = InvoiceResult(
    number=SdcInvoiceNumber(UID, UID, 16),
    sdc_time=datetime(2026, 3, 2, 9, 15, 30, 123_000, tzinfo=UTC),
    type_counter=6,
    counter_extension="NS",
    tax_items=(
        TaxItem("A", "VAT", TaxCategoryType.TAX_ON_NET, 0, Rate.of(9), Money(48_881)),
        TaxItem("P", "PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 0, Rate.of("0.5"), Money(10_000)),
    ),
    tax_group_revision=5,
    total_amount=Money(684_600),
    verification_url=PREFIX + "AAAA",
    verification_qr_code=None,
    journal="= journal =\r\n",
    encrypted_internal_data=INTERNAL_DATA,
    signature=SIGNATURE,
    seller=SELLER,
    mrc="99-0100-AB12CD34",
)

GROUP = TaxRateGroup(
    datetime(2024, 1, 1, tzinfo=UTC),
    5,
    (
        TaxCategory(
            "VAT", TaxCategoryType.TAX_ON_NET, 6, (TaxRate("A", Rate.of(9)), TaxRate("Ж", Rate.of("19.12345678")))
        ),
        TaxCategory("PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 3, (TaxRate("P", Rate.of("0.5")),)),
    ),
)


def body(**changes: Any) -> bytes:
    """The fixed sale as JSON with some members changed; a member set to ``...`` is left out."""
    members = {**SALE_BODY, **changes}
    return json.dumps({key: value for key, value in members.items() if value is not ...}).encode()


def item_body(**changes: Any) -> bytes:
    """The fixed sale with one item only, some of whose members are changed or left out."""
    item = {**SALE_BODY["items"][0], **changes}
    return body(items=[{key: value for key, value in item.items() if value is not ...}])


def base64(data: bytes) -> str:
    """Base64 as text."""
    return b64encode(data).decode()


@contextmanager
def only_faults(*codes: str) -> Iterator[None]:
    """Whatever happens inside either succeeds or is a fault whose code begins with one of these."""
    try:
        yield
    except Fault as fault:
        if not fault.code.startswith(codes):
            raise


_uids = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=8).map(Uid)
_texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=50)
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_moments = st.datetimes(datetime(1901, 1, 1), datetime(9997, 12, 31), timezones=_offsets)
_amounts = st.integers(0, AMOUNT_MAX).map(lambda hundredths: Money(hundredths * 100))
_labels = st.lists(st.sampled_from("ABCFNPTЂЕЖГА"), min_size=1, max_size=5, unique=True).map(tuple)
_items = st.builds(
    InvoiceItem,
    name=_texts,
    quantity=st.integers(1, QUANTITY_MAX).map(Quantity),
    unit_price=_amounts,
    labels=_labels,
    total_amount=_amounts,
    gtin=st.none() | st.text("0123456789", min_size=8, max_size=14),
)
_buyer_ids = st.text("0123456789:АБ", min_size=1, max_size=10)


_payments = st.lists(st.builds(Payment, _amounts, st.sampled_from(PaymentType)), min_size=1, max_size=3).map(tuple)
_numbers = st.builds(
    "{}-{}-{}".format,
    st.text("AZ09", min_size=8, max_size=8),
    st.text("az19АЯ", min_size=8, max_size=8),
    st.integers(1, UINT32_MAX),
)
_whole_requests = st.builds(
    InvoiceRequest,
    invoice_type=st.sampled_from(InvoiceType),
    transaction_type=st.sampled_from(TransactionType),
    payments=_payments,
    items=st.lists(_items, min_size=1, max_size=3).map(tuple),
    date_and_time_of_issue=st.none() | _moments,
    cashier=st.none() | _texts,
    buyer_id=st.none() | _buyer_ids,
    buyer_cost_center_id=st.none() | _texts,
    invoice_number=st.none() | _texts,
    referent_document_number=_numbers,
    referent_document_dt=st.none() | _moments,
    options=st.builds(InvoiceOptions, st.booleans(), st.booleans()),
)


def _lawful(request: InvoiceRequest, drop_reference: bool) -> InvoiceRequest:
    """Leaves out what may not stand alone (wire: 2.3.3)."""
    if request.buyer_id is None:
        request = attrs.evolve(request, buyer_cost_center_id=None)
    if drop_reference and not request.refers_back:
        request = attrs.evolve(request, referent_document_number=None, referent_document_dt=None)
    return request


requests = st.builds(_lawful, _whole_requests, st.booleans())
"""Any request that the POS API accepts."""


_journals = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\r\n"), min_size=1)
_tax_items = st.builds(
    TaxItem,
    label=_texts,
    category_name=_texts,
    category_type=st.sampled_from(TaxCategoryType),
    category_order_id=st.just(0),
    rate=st.integers(0, 10**12).map(Rate),
    amount=st.integers(0, 10**15).map(Money),
)


results = st.builds(
    InvoiceResult,
    number=st.builds(SdcInvoiceNumber, _uids, _uids, st.integers(1, UINT32_MAX)),
    sdc_time=st.integers(0, 10**13).map(from_unix_ms),
    type_counter=st.integers(1, UINT32_MAX),
    counter_extension=st.sampled_from(("NS", "PR", "ПП", "АР")),
    tax_items=st.lists(_tax_items, max_size=3).map(tuple),
    tax_group_revision=st.integers(0, 1000),
    total_amount=st.integers(0, 2**56 - 1).map(Money),
    verification_url=_texts,
    verification_qr_code=st.none(),
    journal=st.none() | _journals,
    encrypted_internal_data=st.sampled_from((INTERNAL_DATA, INTERNAL_DATA * 2)),
    signature=st.just(SIGNATURE),
    seller=st.builds(
        Seller,
        tin=st.just(Tin("123")),
        business_name=_texts,
        location_name=_texts,
        address=_texts,
        district=_texts,
    ),
    mrc=_texts,
    messages=_texts,
)
"""Any result of a signed invoice, without the QR image."""

verification_data = st.builds(
    VerificationData,
    requested_by=_uids,
    signed_by=_uids,
    total_counter=st.integers(0, UINT32_MAX),
    type_counter=st.integers(0, UINT32_MAX),
    amount=st.integers(0, 2**64 - 1).map(Money),
    time_ms=st.integers(0, 2**64 - 1),
    invoice_type=st.sampled_from(InvoiceType),
    transaction_type=st.sampled_from(TransactionType),
    buyer_id=st.binary(max_size=20).filter(lambda raw: not raw.startswith(b"\0")),
    encrypted_internal_data=st.binary(min_size=256, max_size=256) | st.binary(min_size=512, max_size=512),
    signature=st.binary(min_size=256, max_size=256),
    version=st.sampled_from((2, 3)),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON, with the numbers that Python writes although JSON forbids them."""


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The JSON document with one or two places replaced by anything or taken out."""
    copy = json.loads(json.dumps(document))
    for _ in range(draw(_TWICE)):
        _mutate(draw, copy)
    return copy


_ANYTHING = json_values | st.sampled_from(["", "0", -1, 1e300, "1e9", "NaN", [], {}, True, 10**39])
_FIVE = st.integers(0, 4)
_TWICE = st.integers(1, 2)


def _mutate(draw: st.DrawFn, node: Any) -> None:
    """Walks down to a random place, and changes it."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = draw(st.sampled_from(keys))
    if isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
        _mutate(draw, node[key])
    elif draw(_FIVE) == 0:
        del node[key]
    else:
        node[key] = draw(_ANYTHING)
