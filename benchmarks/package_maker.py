"""Makes audit packages of genuine form: a card with counters signs invoices, a data controller seals them.

For tests and benchmarks. It shares with the product only the codecs; it keeps no state on disk and checks no PIN.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from tallystick.authority.reference.registry.values import SecureElementEntry, SecureElementState
from tallystick.crypto.envelope import seal_internal_data, seal_package
from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.signatures import sign_invoice_text
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin, Uid
from tallystick.kernel.instants import to_milliseconds, unix_ms
from tallystick.kernel.invoice import (
    COUNTER_KINDS,
    InvoiceItem,
    InvoiceRequest,
    InvoiceResult,
    InvoiceType,
    Payment,
    PaymentType,
    Seller,
    TaxCategoryType,
    TransactionType,
    counter_index,
)
from tallystick.kernel.tax import calculate_taxes, category_totals
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.wire import verification_url
from tallystick.wire.audit_package import SealedPackage, write_audit_data, write_sealed
from tallystick.wire.card import CategoryTotal, InternalData, signed_text
from tallystick.wire.verification_url import VerificationData

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENVIRONMENT = (1, 9)
LIMIT = Money(1_000_000_0000)


def rate_group(group_id: int = 5) -> TaxRateGroup:
    """All three kinds of category."""
    return TaxRateGroup(
        datetime(2020, 1, 1, tzinfo=UTC),
        group_id,
        (
            TaxCategory(
                "VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of("20")), TaxRate("B", Rate.of("10")))
            ),
            TaxCategory("STT", TaxCategoryType.TAX_ON_TOTAL, 2, (TaxRate("E", Rate.of("6")),)),
            TaxCategory("BAG", TaxCategoryType.AMOUNT_PER_QUANTITY, 3, (TaxRate("P", Rate.of("0.5")),)),
        ),
    )


def basket(lines: int = 9, *, cents: int = 249, labels: Sequence[str] = ()) -> tuple[InvoiceItem, ...]:
    """Items with a mixture of labels: those given one by one, or all three kinds of `rate_group`."""
    sets: Sequence[tuple[str, ...]] = [(label,) for label in labels] or [("A",), ("B",), ("A",), ("E",), ("A", "P")]
    return tuple(
        InvoiceItem(
            f"Product {number:02d} of the shelf/kom",
            Quantity(1000 + 1000 * (number % 3)),
            Money((cents + number) * 100),
            sets[number % len(sets)],
            Money((cents + number) * 100 * (1 + number % 3)),
        )
        for number in range(lines)
    )


def sale(
    items: Sequence[InvoiceItem] = (),
    *,
    invoice_type: InvoiceType = InvoiceType.NORMAL,
    transaction_type: TransactionType = TransactionType.SALE,
    **more: Any,
) -> InvoiceRequest:
    """A request for those items, paid in cash."""
    bought = tuple(items) or basket()
    total = Money(sum(item.total_amount.scaled for item in bought))
    request = InvoiceRequest(
        invoice_type=invoice_type,
        transaction_type=transaction_type,
        payments=(Payment(total, PaymentType.CASH),),
        items=bought,
        cashier="Ana",
        invoice_number="17/1.0",
    )
    return attrs.evolve(request, **more)


@attrs.define(slots=True)
class Card:
    """A secure element in few words: key, counters, totals. `sign` gives a complete result."""

    uid: str
    tin: str
    key: PrivateKey
    encryption_key: PublicKey
    group: TaxRateGroup = attrs.field(factory=rate_group)
    categories: int = 4
    total_counter: int = 0
    type_counters: list[int] = attrs.field(factory=lambda: [0] * COUNTER_KINDS)
    sales: int = 0
    refunds: int = 0
    unaudited: int = 0
    audit_sequence: int = 0
    taxes: dict[int, list[int]] = attrs.field(factory=dict)

    @property
    def seller(self) -> Seller:
        """The seller in the certificate."""
        return Seller(
            tin=Tin(self.tin),
            business_name="Corner Shop",
            location_name="Corner Shop 1",
            address="Main Street 1",
            district="Centre",
        )

    def entry(self, **changes: Any) -> SecureElementEntry:
        """The registry's entry of this card, without a certificate to parse."""
        entry = SecureElementEntry(
            uid=Uid(self.uid),
            tin=Tin(self.tin),
            premises_id=None,
            seller=self.seller,
            certificate=b"",
            certificate_hash=sha256(self.uid.encode()),
            not_before=NOW - timedelta(days=365),
            not_after=NOW + timedelta(days=730),
            environment=ENVIRONMENT,
            encryption_key="package",
            limit=LIMIT,
            state=SecureElementState.ACTIVE,
            revoked_at=None,
            registration_index=0,
        )
        entry = attrs.evolve(entry, **changes)
        vars(entry).update(public_key=self.key.public, certificate_class=CertificateClass.V33)
        return entry

    def sign(self, request: InvoiceRequest, at: datetime = NOW) -> InvoiceResult:
        """Sign an invoice; the counters go on."""
        at = to_milliseconds(at)
        kind = counter_index(request.invoice_type, request.transaction_type)
        self.total_counter += 1
        self.type_counters[kind] += 1
        taxes = calculate_taxes(request.items, self.group)
        self._count(request, taxes)
        internal = seal_internal_data(self._internal(at).encode(), self.encryption_key)
        signed = VerificationData(
            requested_by=Uid(self.uid),
            signed_by=Uid(self.uid),
            total_counter=self.total_counter,
            type_counter=self.type_counters[kind],
            amount=request.total_amount,
            time_ms=unix_ms(at),
            invoice_type=request.invoice_type,
            transaction_type=request.transaction_type,
            buyer_id=(request.buyer_id or "").encode(),
            encrypted_internal_data=internal,
            signature=b"",
        )
        signature = sign_invoice_text(self.key, text_of(signed, self.tin))
        return InvoiceResult(
            number=SdcInvoiceNumber(Uid(self.uid), Uid(self.uid), self.total_counter),
            sdc_time=at,
            type_counter=self.type_counters[kind],
            counter_extension="NS",
            tax_items=taxes,
            tax_group_revision=self.group.group_id,
            total_amount=request.total_amount,
            verification_url=verification_url.to_url(
                "https://verify.example/v/?vl=", attrs.evolve(signed, signature=signature)
            ),
            verification_qr_code=None,
            journal=journal_like(request),
            encrypted_internal_data=internal,
            signature=signature,
            seller=self.seller,
            mrc=f"01-0001-{self.uid}",
        )

    def _count(self, request: InvoiceRequest, taxes: Sequence[object]) -> None:
        if not request.invoice_type.is_fiscal:
            return
        refund = request.transaction_type is TransactionType.REFUND
        amount = request.total_amount.scaled
        self.sales += 0 if refund else amount
        self.refunds += amount if refund else 0
        self.unaudited += amount
        for order_id, tax in category_totals(taxes):  # type: ignore[arg-type]  # they are tax items
            self.taxes.setdefault(order_id, [0, 0])[int(refund)] += tax.scaled

    def _internal(self, at: datetime) -> InternalData:
        empty = [0, 0]
        return InternalData(
            uid=self.uid,
            time_ms=unix_ms(at),
            total_counter=self.total_counter,
            type_counters=tuple(self.type_counters),
            sales=Money(self.sales),
            refunds=Money(self.refunds),
            unaudited=Money(self.unaudited),
            limit=LIMIT,
            audit_sequence=self.audit_sequence,
            categories=tuple(
                CategoryTotal(
                    order_id, Money(self.taxes.get(order_id, empty)[0]), Money(self.taxes.get(order_id, empty)[1])
                )
                for order_id in range(1, self.categories + 1)
            ),
        )

    def invoice(
        self, request: InvoiceRequest | None = None, at: datetime = NOW
    ) -> tuple[InvoiceRequest, InvoiceResult]:
        """A request and its result."""
        request = request or sale()
        return request, self.sign(request, at)

    def plain(self, request: InvoiceRequest | None = None, at: datetime = NOW) -> bytes:
        """The JSON of one package."""
        return write_audit_data(*self.invoice(request, at))

    def package(self, request: InvoiceRequest | None = None, at: datetime = NOW) -> bytes:
        """One package as it travels."""
        return seal(self.plain(request, at), self.encryption_key)


def text_of(data: VerificationData, tin: str) -> bytes:
    """What the card signs."""
    return signed_text(
        data.time_ms,
        tin,
        data.buyer_id,
        data.invoice_type,
        data.transaction_type,
        data.amount,
        data.type_counter,
        data.total_counter,
        data.encrypted_internal_data,
    )


def seal(plain: bytes, key: PublicKey) -> bytes:
    """Seal any bytes as a package."""
    return write_sealed(SealedPackage(*seal_package(plain, key)))


def journal_like(request: InvoiceRequest) -> str:
    """Text of the size of a journal: what a package carries, not what a buyer reads."""
    lines = ["============ FISCAL INVOICE ============", "Corner Shop", "Main Street 1", "-" * 40]
    for item in request.items:
        lines.append(f"{item.name} ({','.join(item.labels)})")
        lines.append(f"{item.unit_price!s:>14}{item.quantity!s:>10}{item.total_amount!s:>16}")
    lines += ["-" * 40, f"Total purchase:{request.total_amount!s:>25}", "Cash", "=" * 40]
    lines += [f"Label {label}".ljust(28) + "0.00".rjust(12) for label in "ABEP"]
    lines += ["=" * 40, "SDC time: 21.11.2026. 10:00:00", "======== END OF FISCAL INVOICE ========="]
    return "\r\n".join(lines)
