"""The fiscal documents of the national channels (S1-026 to S1-033): what a register, or a system in its place, says.

Which document it is, of which device, when and in which place of its sequence stands in the signed header (security,
3.3); these are the contents. Amounts are `Money`, whatever the currency's own places.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import attrs

from tallystick.kernel.fixed_point import ZERO_MONEY, Money, Rate
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceItem, Payment, TransactionType


class DocumentKind(StrEnum):
    """What a document is; the value is its word on the wire."""

    RECEIPT = "receipt"
    ACCOUNTABLE_FORM = "accountable-form"
    CORRECTION = "correction"
    SHIFT_OPENING = "shift-opening"
    SHIFT_CLOSING = "shift-closing"
    STATUS = "settlement-status"
    REGISTRATION = "registration"
    RE_REGISTRATION = "re-registration"
    CLOSURE = "memory-closure"

    @property
    def is_sale(self) -> bool:
        """Whether it moves money and counts as turnover."""
        return self in _SALES

    @property
    def is_register_report(self) -> bool:
        """Whether it speaks of the register itself, outside every shift."""
        return self in (DocumentKind.REGISTRATION, DocumentKind.RE_REGISTRATION, DocumentKind.CLOSURE)


_SALES = frozenset({DocumentKind.RECEIPT, DocumentKind.ACCOUNTABLE_FORM, DocumentKind.CORRECTION})


class DocumentType(IntEnum):
    """The ledger's numbers of these documents: ``0x0200`` on, a refund one above its sale (security, 5.2)."""

    RECEIPT = 0x0200
    RECEIPT_REFUND = 0x0201
    ACCOUNTABLE_FORM = 0x0210
    ACCOUNTABLE_FORM_REFUND = 0x0211
    CORRECTION = 0x0220
    CORRECTION_REFUND = 0x0221
    SHIFT_OPENING = 0x0230
    SHIFT_CLOSING = 0x0240
    STATUS = 0x0250
    REGISTRATION = 0x0260
    RE_REGISTRATION = 0x0270
    CLOSURE = 0x0280


@attrs.frozen(slots=True)
class StatedTax:
    """The tax that a document states for one label."""

    label: str
    rate: Rate
    amount: Money


@attrs.frozen(slots=True)
class FormNumber:
    """Series and number of an accountable (strict-reporting) form."""

    series: str
    number: str


@attrs.frozen(slots=True, kw_only=True)
class Sale:
    """What a receipt, an accountable form and a correction have in common.

    A refund and every correction name the document that they follow; a correction says why (S0-056, S1-027).
    """

    operation: TransactionType
    items: tuple[InvoiceItem, ...]
    payments: tuple[Payment, ...]
    taxes: tuple[StatedTax, ...]
    total: Money
    rate_group: int
    currency: str
    cashier: str = ""
    buyer_id: str = ""
    refers_to: SdcInvoiceNumber | None = None
    reason: str = ""
    form: FormNumber | None = None


@attrs.frozen(slots=True)
class ShiftOpening:
    """A shift begins: the cash that lies in the drawer, and who stands at the till."""

    cash: Money
    cashier: str = ""


@attrs.frozen(slots=True)
class CountAndSum:
    """How many documents, and their amounts."""

    count: int = 0
    total: Money = ZERO_MONEY

    def plus(self, amount: Money) -> CountAndSum:
        """With one document more."""
        return CountAndSum(self.count + 1, Money(self.total.scaled + amount.scaled))


NOTHING = CountAndSum()


@attrs.frozen(slots=True, kw_only=True)
class ShiftTotals:
    """What was sold in a shift. Refunds count as positive amounts; ``taxes`` and ``payments`` are sales less refunds.

    Keys: tax label in capitals, and the word of the payment's kind. A key whose amount is nought may be left out.
    """

    sales: CountAndSum = NOTHING
    refunds: CountAndSum = NOTHING
    corrections_up: CountAndSum = NOTHING
    corrections_down: CountAndSum = NOTHING
    taxes: tuple[tuple[str, Money], ...] = ()
    payments: tuple[tuple[str, Money], ...] = ()


NO_TOTALS = ShiftTotals()


@attrs.frozen(slots=True, kw_only=True)
class ShiftReport:
    """Totals of a shift so far (S1-030) or at its end (S1-029); ``first`` and ``last`` are sequence numbers.

    ``first`` is the shift's opening, ``last`` the document before this report. ``turnover`` is what the register has
    sold less what it took back since its registration, this shift with it.
    """

    first: int
    last: int
    totals: ShiftTotals
    cash: Money
    turnover: Money


@attrs.frozen(slots=True, kw_only=True)
class RegisterReport:
    """A register says what it is, at its start and after every change (S1-031, S1-032)."""

    maker: str
    model: str
    serial_number: str
    memory_number: str = ""
    premises: str = ""
    reason: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Closure:
    """The last document of a register: its fiscal memory is closed for good (S1-033)."""

    documents: int
    turnover: Money
    reason: str


Content = Sale | ShiftOpening | ShiftReport | RegisterReport | Closure


@attrs.frozen(slots=True, kw_only=True)
class NationalDocument:
    """A document's content. ``shift`` is the number of the shift that it belongs to, 0 outside every shift.

    ``build`` is the id of the certified build that made it (hex), ``utc_offset_minutes`` the place's clock then.
    """

    kind: DocumentKind
    build: str
    utc_offset_minutes: int
    content: Content
    shift: int = 0

    @property
    def sale(self) -> Sale | None:
        """The sale in it, if it is one."""
        return self.content if isinstance(self.content, Sale) else None

    @property
    def turnover(self) -> Money:
        """What it adds to the day's turnover, with its sign; nought for reports."""
        sale = self.sale
        if sale is None:
            return ZERO_MONEY
        return -sale.total if sale.operation is TransactionType.REFUND else sale.total

    @property
    def type_code(self) -> int:
        """The ledger's number of its type."""
        sale = self.sale
        refund = sale is not None and sale.operation is TransactionType.REFUND
        return _TYPES[self.kind] + refund


_TYPES = {
    DocumentKind.RECEIPT: DocumentType.RECEIPT,
    DocumentKind.ACCOUNTABLE_FORM: DocumentType.ACCOUNTABLE_FORM,
    DocumentKind.CORRECTION: DocumentType.CORRECTION,
    DocumentKind.SHIFT_OPENING: DocumentType.SHIFT_OPENING,
    DocumentKind.SHIFT_CLOSING: DocumentType.SHIFT_CLOSING,
    DocumentKind.STATUS: DocumentType.STATUS,
    DocumentKind.REGISTRATION: DocumentType.REGISTRATION,
    DocumentKind.RE_REGISTRATION: DocumentType.RE_REGISTRATION,
    DocumentKind.CLOSURE: DocumentType.CLOSURE,
}
