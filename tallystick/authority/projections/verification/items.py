"""Our own record of an invoice, opened, and its lines with the tax of each."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import attrs

from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, InvoiceResult, TaxCategoryType
from tallystick.kernel.tax import calculate_taxes
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.wire.audit_data import read_audit_data

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(slots=True, kw_only=True)
class ItemRow:
    """One line: amounts include tax; ``rate`` is the sum of its labels' rates in per cent."""

    gtin: str
    name: str
    quantity: Quantity
    unit_price: Money
    total: Money
    labels: tuple[str, ...]
    rate: Decimal
    tax: Money

    @property
    def base(self) -> Money:
        """What is left without the tax."""
        return self.total - self.tax


@attrs.frozen(slots=True)
class OpenedInvoice:
    """What the device sent: request and result."""

    request: InvoiceRequest
    result: InvoiceResult

    def rows(self) -> tuple[ItemRow, ...]:
        """The lines, with the rates that the result states."""
        group = _rates_of(self.result)
        return tuple(_row(item, group) for item in self.request.items)


def opened_document(document: LedgerDocument | None) -> OpenedInvoice | None:
    """The invoice of a booked document; nothing when there is none, its body was erased, or it cannot be read."""
    if document is None or not document.body:
        return None
    try:
        data = read_audit_data(document.body)
    except Fault:
        return None
    return OpenedInvoice(data.request, data.result)


def _rates_of(result: InvoiceResult) -> TaxRateGroup:
    """The stated rates as a group; of labels that differ in case only, the first counts."""
    by_label = {item.label.upper(): item for item in reversed(result.tax_items)}
    categories = (
        TaxCategory(item.category_name, item.category_type, number, (TaxRate(item.label, item.rate),))
        for number, item in enumerate(by_label.values())
    )
    return TaxRateGroup(_ANY_TIME, result.tax_group_revision, tuple(categories))


def _row(item: InvoiceItem, group: TaxRateGroup) -> ItemRow:
    known = {rate.label.upper(): (category, rate) for category in group.categories for rate in category.rates}
    labels = tuple(label for label in item.labels if label.upper() in known)
    taxes = calculate_taxes((attrs.evolve(item, labels=labels),), group) if labels else ()
    found = [known[label] for label in dict.fromkeys(label.upper() for label in labels)]
    rates = [rate.rate for category, rate in found if category.category_type is not TaxCategoryType.AMOUNT_PER_QUANTITY]
    return ItemRow(
        gtin=item.gtin or "",
        name=item.name,
        quantity=item.quantity,
        unit_price=item.unit_price,
        total=item.total_amount,
        labels=item.labels,
        rate=Rate(sum(rate.scaled for rate in rates)).rounded(2),
        tax=Money(sum(tax.amount.scaled for tax in taxes)),
    )
