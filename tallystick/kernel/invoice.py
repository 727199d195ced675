"""The invoice request that a POS sends and the invoice result that an SDC returns."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

import attrs

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin, Uid


class InvoiceType(IntEnum):
    """Kind of invoice (S2-057); only NORMAL and ADVANCE are fiscal receipts."""

    NORMAL = 0
    PROFORMA = 1
    COPY = 2
    TRAINING = 3
    ADVANCE = 4

    @property
    def is_fiscal(self) -> bool:
        """Whether the document is a fiscal receipt that counts as turnover (K-26)."""
        return self in (InvoiceType.NORMAL, InvoiceType.ADVANCE)


class TransactionType(IntEnum):
    """Direction of the transaction."""

    SALE = 0
    REFUND = 1


class PaymentType(IntEnum):
    """Means of payment."""

    OTHER = 0
    CASH = 1
    CARD = 2
    CHECK = 3
    WIRE_TRANSFER = 4
    VOUCHER = 5
    MOBILE_MONEY = 6


class TaxCategoryType(IntEnum):
    """How a category's rate is applied (S2-040)."""

    TAX_ON_NET = 0
    TAX_ON_TOTAL = 1
    AMOUNT_PER_QUANTITY = 2

    @property
    def word(self) -> str:
        """As packs and the national channels write it: ``tax-on-net``."""
        return self.name.lower().replace("_", "-")


COUNTER_KINDS = len(InvoiceType) * len(TransactionType)


def counter_index(invoice_type: InvoiceType, transaction_type: TransactionType) -> int:
    """Position 0..9 of the counter of a type pair, ordered 0S 0R 1S 1R ... 4R."""
    return int(invoice_type) * len(TransactionType) + int(transaction_type)


def document_type_code(invoice_type: InvoiceType, transaction_type: TransactionType) -> int:
    """The ledger's number of the document type on the TaxCore wire: ``0x0100 + 16 * invoice + transaction``."""
    return 0x0100 + 16 * int(invoice_type) + int(transaction_type)


def turnover(invoice_type: InvoiceType, transaction_type: TransactionType, amount: Money) -> Money:
    """What a document adds to the day's turnover: fiscal sales count up, fiscal refunds down, the rest is 0 (K-26)."""
    if not invoice_type.is_fiscal:
        return Money(0)
    return -amount if transaction_type is TransactionType.REFUND else amount


@attrs.frozen(slots=True)
class Payment:
    """One payment; several of the same type may stand in one invoice."""

    amount: Money
    payment_type: PaymentType


@attrs.frozen(slots=True)
class InvoiceItem:
    """One line of an invoice; ``total_amount`` includes tax, discounts are already taken off (S2-041)."""

    name: str
    quantity: Quantity
    unit_price: Money
    labels: tuple[str, ...]
    total_amount: Money
    gtin: str | None = None


@attrs.frozen(slots=True)
class InvoiceOptions:
    """What the POS does not want back in the answer (S2-037, S2-039)."""

    omit_qr_code: bool = False
    omit_journal: bool = False


@attrs.frozen(slots=True, kw_only=True)
class InvoiceRequest:
    """What a POS asks an SDC to fiscalise (S2-028)."""

    invoice_type: InvoiceType
    transaction_type: TransactionType
    payments: tuple[Payment, ...]
    items: tuple[InvoiceItem, ...]
    date_and_time_of_issue: datetime | None = None
    cashier: str | None = None
    buyer_id: str | None = None
    buyer_cost_center_id: str | None = None
    invoice_number: str | None = None
    referent_document_number: str | None = None
    referent_document_dt: datetime | None = None
    options: InvoiceOptions = InvoiceOptions()

    @property
    def total_amount(self) -> Money:
        """Sum of the item totals, tax included."""
        return Money(sum(item.total_amount.scaled for item in self.items))

    @property
    def refers_back(self) -> bool:
        """Whether this is a copy or a refund, which speak about an earlier document."""
        return self.invoice_type is InvoiceType.COPY or self.transaction_type is TransactionType.REFUND


@attrs.frozen(slots=True)
class TaxItem:
    """The tax of one label over the whole invoice (S2-052)."""

    label: str
    category_name: str
    category_type: TaxCategoryType
    category_order_id: int
    rate: Rate
    amount: Money


@attrs.frozen(slots=True, kw_only=True)
class Seller:
    """Who issues the invoice, as the secure element's certificate says (S2-074)."""

    tin: Tin
    business_name: str
    location_name: str
    address: str
    district: str
    city: str = ""
    country: str = ""


@attrs.frozen(slots=True, kw_only=True)
class InvoiceResult:
    """What an SDC returns for a signed invoice (S2-039)."""

    number: SdcInvoiceNumber
    sdc_time: datetime
    type_counter: int
    counter_extension: str
    tax_items: tuple[TaxItem, ...]
    tax_group_revision: int
    total_amount: Money
    verification_url: str
    verification_qr_code: bytes | None
    journal: str | None
    encrypted_internal_data: bytes
    signature: bytes
    seller: Seller
    mrc: str
    messages: str = "Success"

    @property
    def requested_by(self) -> Uid:
        """UID for which the invoice was asked."""
        return self.number.requested_by

    @property
    def signed_by(self) -> Uid:
        """UID of the element that signed."""
        return self.number.signed_by

    @property
    def total_counter(self) -> int:
        """The signer's count of all invoices."""
        return self.number.ordinal

    @property
    def invoice_counter(self) -> str:
        """``{type}/{total}{extension}``, for example ``6/16NS``."""
        return f"{self.type_counter}/{self.number.ordinal}{self.counter_extension}"
