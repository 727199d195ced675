"""A register of the national channels for tests and benchmarks: shifts, sales, refunds, reports, really signed.

Made by the kernel's own fold, so that a report is right unless a test makes it wrong. Registration and certificate come
from `signed_documents.SoftwareDevice`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from benchmarks.signed_documents import ARRIVES_AFTER, SoftwareDevice
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber, canonical_buyer
from tallystick.kernel.instants import epoch_day, to_milliseconds, unix_ms
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
from tallystick.wire.document_jws import SignedDocument, read_signed, write_signed
from tallystick.wire.ledger_body import NATIONAL
from tallystick.wire.national_document import write_document
from tallystick.wire.receipt_code import register_code, write_receipt_code

BUILD = "ab" * 32
LABEL, RATE, CATEGORY = "A", Rate.of("9"), "1"
"""A tax on net of the reference country, and the number of its category."""
BETWEEN = timedelta(minutes=1)


@attrs.frozen
class Made:
    """A signed document, what it says, the entry that the intake would hand over, and the code on its paper."""

    signed: SignedDocument
    document: NationalDocument
    entry: NewEntry
    letters: str

    @property
    def number(self) -> str:
        """Its fiscal number."""
        return self.signed.header.number


@attrs.define
class Register:
    """One device; ``at`` is its clock, which goes on a minute with each document. Its link begins with the ledger's."""

    device: SoftwareDevice
    at: datetime
    channel: Channel = Channel.ECR_ONLINE
    state: RegisterState = attrs.field(factory=RegisterState)
    made: list[Made] = attrs.field(factory=list)

    @classmethod
    def of(cls, uid: str, tin: str, origin: str, at: datetime, channel: Channel = Channel.ECR_ONLINE) -> Register:
        """A new device with a certificate of a root of its own."""
        return cls(SoftwareDevice(uid, tin, origin), at, channel)

    def say(self, kind: DocumentKind, content: Content, *, judged: bool = True, **changes: Any) -> Made:
        """The next document of the device, signed now; ``changes`` are made to the ledger's entry.

        ``judged`` false: what the fold would refuse is signed all the same.
        """
        self.at = to_milliseconds(self.at + BETWEEN)
        shift = self.state.shift + (kind is DocumentKind.SHIFT_OPENING) if not kind.is_register_report else 0
        document = NationalDocument(kind=kind, build=BUILD, utc_offset_minutes=60, content=content, shift=shift)
        sequence = self.device.seq + 1
        self.state = self._after(document, sequence, judged=judged)
        nonce = sha256(self.device.uid.encode() + sequence.to_bytes(8, "big"))[:16]
        header = self.device.header(self.at, sequence=sequence, previous=self.device.link, nonce=nonce)
        compact = write_signed(header, write_document(document), self.device.sign)
        made = self._entered(read_signed(compact), document, changes)
        self.device.seq, self.device.link = sequence, device_link(self.device.link, sequence, made.signed.body_hash)
        self.made.append(made)
        return made

    def _after(self, document: NationalDocument, sequence: int, *, judged: bool) -> RegisterState:
        if judged:
            return self.state.after(document, sequence, self.at)
        if document.kind is DocumentKind.SHIFT_CLOSING:
            return self.state.after(self._closing(sequence), sequence, self.at)
        return self.state

    def _closing(self, sequence: int) -> NationalDocument:
        report = self.state.report(sequence)
        return NationalDocument(
            kind=DocumentKind.SHIFT_CLOSING, build=BUILD, utc_offset_minutes=60, content=report, shift=self.state.shift
        )

    def _entered(self, signed: SignedDocument, document: NationalDocument, changes: dict[str, Any]) -> Made:
        header, sale = signed.header, document.sale
        refers_to = "" if sale is None or sale.refers_to is None else str(sale.refers_to)
        values: dict[str, Any] = {
            "kind": EntryKind.DOCUMENT,
            "channel": self.channel,
            "body": signed.compact,
            "media_type": NATIONAL,
            "received_at_ms": unix_ms(self.at + ARRIVES_AFTER),
            "act_hash": signed.act_hash,
            "device": (self.device.uid, self.device.uid),
            "tin": self.device.tin,
            "premises": "1",
            "document_type": document.type_code,
            "day": epoch_day(self.at + timedelta(minutes=document.utc_offset_minutes)),
            "issued_at_ms": header.time_ms,
            "utc_offset_minutes": document.utc_offset_minutes,
            "currency": "" if sale is None else sale.currency,
            "total": 0 if sale is None else sale.total.scaled,
            "day_amount": document.turnover.scaled,
            "tax_totals": {} if sale is None else {CATEGORY: sum(one.amount.scaled for one in sale.taxes)},
            "se_total": header.sequence,
            "certificate_hash": header.kid,
            "refers_to": refers_to,
            "verdict": 4,
            "buyer": "" if sale is None else canonical_buyer(sale.buyer_id),
            "device_seq": header.sequence,
            "device_prev": header.previous,
        }
        letters = "" if sale is None else write_receipt_code(register_code(signed, document, self.device.sign))
        return Made(signed, document, NewEntry(**(values | changes)), letters)

    # --- what a register does --------------------------------------------------------------------------------------

    def register(self) -> Made:
        """Its first document."""
        report = RegisterReport(maker="Maker", model="Till 1", serial_number=f"SN-{self.device.uid}")
        return self.say(DocumentKind.REGISTRATION, report)

    def open(self, cash: str = "100") -> Made:
        """Open a shift."""
        return self.say(DocumentKind.SHIFT_OPENING, ShiftOpening(Money.of(cash), "Ana"))

    def sell(self, total: str = "10.90", /, **changes: Any) -> Made:
        """A receipt; ``changes`` are made to the sale."""
        return self.say(DocumentKind.RECEIPT, attrs.evolve(sale_of(total), **changes))

    def refund(self, original: Made, total: str | None = None, **changes: Any) -> Made:
        """Give back all of a receipt, or a part."""
        sale = original.document.sale
        assert sale is not None, "only sales are given back"
        back = sale_of(total or str(sale.total), TransactionType.REFUND)
        number = SdcInvoiceNumber.parse(original.number)
        return self.say(DocumentKind.RECEIPT, attrs.evolve(back, refers_to=number, reason="returned", **changes))

    def correct(self, original: Made, total: str, operation: TransactionType = TransactionType.SALE) -> Made:
        """Correct a receipt by an amount, up or down."""
        number = SdcInvoiceNumber.parse(original.number)
        content = attrs.evolve(sale_of(total, operation), refers_to=number, reason="typing mistake")
        return self.say(DocumentKind.CORRECTION, content)

    def status(self) -> Made:
        """An X-report."""
        return self.say(DocumentKind.STATUS, self.state.report(self.device.seq + 1))

    def close(self, **changes: Any) -> Made:
        """A Z-report; with ``changes`` it is not the sum of the shift."""
        report = attrs.evolve(self.state.report(self.device.seq + 1), **changes)
        return self.say(DocumentKind.SHIFT_CLOSING, report, judged=not changes)

    def end(self) -> Made:
        """Close the fiscal memory for good."""
        closure = Closure(documents=self.device.seq, turnover=self.state.turnover, reason="sold")
        return self.say(DocumentKind.CLOSURE, closure)


def sale_of(total: str, operation: TransactionType = TransactionType.SALE, *, buyer_id: str = "") -> Sale:
    """A sale of one item, its tax on net contained in the total, paid in cash."""
    amount = Money.of(total)
    rate = RATE.scaled
    tax = Money((2 * amount.scaled * rate + 100 * 10**8 + rate) // (2 * (100 * 10**8 + rate)))
    return Sale(
        operation=operation,
        items=(InvoiceItem("Bread", Quantity.of("1"), amount, (LABEL,), amount),),
        payments=(Payment(amount, PaymentType.CASH),),
        taxes=(StatedTax(LABEL, RATE, tax),),
        total=amount,
        rate_group=2,
        currency="XTS",
        cashier="Ana",
        buyer_id=buyer_id,
    )
