"""A till of the national channels for tests and benchmarks: a key, a certificate, and the fold of its own documents.

It signs what a register signs and knows what the next document must say; it is no register (`device.ecr` is).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs

from benchmarks.package_maker import rate_group
from benchmarks.signed_documents import SoftwareDevice
from tallystick.authority.ledger.entry import NewEntry
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.instants import to_milliseconds
from tallystick.kernel.invoice import InvoiceItem, Payment, PaymentType, TransactionType
from tallystick.kernel.national_document import (
    Closure,
    Content,
    DocumentKind,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    StatedTax,
)
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.tax import calculate_taxes
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.document_jws import DocumentHeader, read_signed, write_signed
from tallystick.wire.national_document import write_document

BUILD = "ab" * 32


@attrs.define
class NationalTill:
    """``link`` is the genesis of its sequence before the first document."""

    uid: str
    tin: str
    origin: str
    link: bytes = b""
    build: str = BUILD
    group: TaxRateGroup = attrs.field(factory=rate_group)
    state: RegisterState = attrs.field(factory=RegisterState)
    device: SoftwareDevice = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make key and certificate."""
        self.device = SoftwareDevice(self.uid, self.tin, self.origin)

    @property
    def certificate(self) -> bytes:
        """Its certificate, DER."""
        return self.device.certificate

    def registration_entry(self) -> NewEntry:
        """The ledger's entry that opens its sequence."""
        return self.device.registration()

    def number(self, sequence: int) -> SdcInvoiceNumber:
        """The fiscal number of one of its documents."""
        return SdcInvoiceNumber(Uid(self.uid), Uid(self.uid), sequence)

    def document(self, kind: DocumentKind, content: Content, shift: int = 0) -> NationalDocument:
        """A document of its build."""
        return NationalDocument(kind=kind, build=self.build, utc_offset_minutes=0, content=content, shift=shift)

    def sign(self, document: NationalDocument, at: datetime, *, keep: bool = True, **header: Any) -> bytes:
        """Sign the next document; ``header`` changes members of the header, ``keep`` goes on in the sequence."""
        at = to_milliseconds(at)
        compact = write_signed(self.header(at, **header), write_document(document), self.device.sign)
        if keep:
            self.take(compact, document, at)
        return compact

    def header(self, at: datetime, **changes: Any) -> DocumentHeader:
        """The header of the next document, or of another place."""
        place: dict[str, Any] = {"sequence": self.state.documents + 1, "previous": self.link}
        return self.device.header(to_milliseconds(at), **(place | changes))

    def take(self, compact: bytes, document: NationalDocument, at: datetime) -> None:
        """A document was accepted: the sequence goes on."""
        sequence = read_signed(compact).header.sequence
        self.state = self.state.after(document, sequence, at)
        self.link = device_link(self.link, sequence, sha256(compact))

    def register(self, at: datetime) -> bytes:
        """Its first document."""
        report = RegisterReport(maker="acme", model="T1", serial_number=self.uid)
        return self.sign(self.document(DocumentKind.REGISTRATION, report), at)

    def open_shift(self, at: datetime, cash: str = "100") -> bytes:
        """Begin the next shift."""
        opening = ShiftOpening(Money.of(cash), "Ana")
        return self.sign(self.document(DocumentKind.SHIFT_OPENING, opening, self.state.shift + 1), at)

    def sale(
        self,
        prices: Sequence[str] = ("4.50", "1.20"),
        *,
        label: str = "A",
        operation: TransactionType = TransactionType.SALE,
        refers_to: SdcInvoiceNumber | None = None,
        reason: str = "",
        buyer: str = "",
    ) -> Sale:
        """A sale of one piece each, paid in cash, with the taxes that are due."""
        items = tuple(
            InvoiceItem(f"Goods {number}", Quantity.of("1"), Money.of(price), (label,), Money.of(price))
            for number, price in enumerate(prices, 1)
        )
        total = Money(sum(item.total_amount.scaled for item in items))
        taxes = tuple(StatedTax(tax.label, tax.rate, tax.amount) for tax in calculate_taxes(items, self.group))
        return Sale(
            operation=operation,
            items=items,
            payments=(Payment(total, PaymentType.CASH),),
            taxes=taxes,
            total=total,
            rate_group=self.group.group_id,
            currency="XTS",
            cashier="Ana",
            buyer_id=buyer,
            refers_to=refers_to,
            reason=reason,
        )

    def receipt(self, sale: Sale | None = None, kind: DocumentKind = DocumentKind.RECEIPT) -> NationalDocument:
        """A receipt of the open shift."""
        return self.document(kind, sale or self.sale(), self.state.shift)

    def sell(self, at: datetime, sale: Sale | None = None) -> bytes:
        """The next receipt."""
        return self.sign(self.receipt(sale), at)

    def refund(self, sequence: int, at: datetime, prices: Sequence[str], *, keep: bool = True) -> bytes:
        """Give something back of one of its own receipts."""
        back = self.sale(prices, operation=TransactionType.REFUND, refers_to=self.number(sequence))
        return self.sign(self.receipt(back), at, keep=keep)

    def report(self, at: datetime, kind: DocumentKind = DocumentKind.SHIFT_CLOSING) -> bytes:
        """Close the shift (Z), or say how it stands (X)."""
        report = self.state.report(self.state.documents + 1)
        return self.sign(self.document(kind, report, self.state.shift), at)

    def close_memory(self, at: datetime) -> bytes:
        """The last document."""
        closure = Closure(documents=self.state.documents, turnover=self.state.turnover, reason="end of business")
        return self.sign(self.document(DocumentKind.CLOSURE, closure), at)

    def day(self, at: datetime, sales: int) -> list[bytes]:
        """A whole shift, documents a second apart: opening, receipts, closing."""
        documents = [self.open_shift(at)]
        documents += [self.sell(at + timedelta(seconds=number)) for number in range(1, sales + 1)]
        return [*documents, self.report(at + timedelta(seconds=sales + 1))]
