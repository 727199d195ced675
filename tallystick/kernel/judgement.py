"""Rules that hold for an invoice whose signature was verified: rates, taxes, totals, references and times.

Each function passes silently or raises one coded fault, with the number that Submit Audit Package answers. None of them
says what is done about it: the sale has happened, so a package with such a fault is booked with a flag.

Order of checks on the TaxCore wire (6.6): ``check_group`` 5 - ``check_labels`` 69 - ``check_categories`` 70 -
``check_time`` 67, 73, 75 - ``check_reference_time`` 68, 74, 76 - then those that answer 4 and only flag:
``check_ranges``, ``check_taxes``, ``check_totals``, ``check_buyer_id``, ``check_reference``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tallystick.kernel.country_pack import Tolerances
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, Payment, TaxItem
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import Sale, StatedTax
from tallystick.kernel.tax import labels_missing, taxes_of_labels
from tallystick.kernel.tax_rates import TaxRateGroup

TAX_TOLERANCE = Money(1)
"""How far a stated tax may lie from ours, per label: 0.0001."""

TaxOfLabel = TaxItem | StatedTax
"""The tax of one label as a document states it."""

EARLIEST_INVOICE = datetime(2000, 1, 1, tzinfo=UTC)
"""Before this no fiscal device existed: its clock has lost its battery."""

_MONEY_END: int = 10 ** (LIMITS.money_integer_digits + Money.places)
_QUANTITY_END: int = 10 ** (LIMITS.quantity_integer_digits + Quantity.places)


def check_group(named: TaxRateGroup | None, in_force: TaxRateGroup | None) -> None:
    """The group that the result names must exist and be the one in force at ``moment_for_rates`` (``TS-2004``, 5)."""
    if named is None:
        raise Fault("TS-2004", detail="no rate group has this number")
    if in_force is None or named.group_id != in_force.group_id:
        raise Fault("TS-2004", detail=f"rate group {named.group_id} was not in force then")


def check_labels(items: Sequence[InvoiceItem], tax_items: Sequence[TaxOfLabel], group: TaxRateGroup) -> None:
    """Every label of the items and of the taxes must be in the group (``TS-2001``, 69)."""
    used = {label for labels in {item.labels for item in items} for label in labels}
    used.update([item.label for item in tax_items])
    if not labels_missing(tuple(used), group):
        return
    for place, labels in (
        *((f"items[{i}].labels", item.labels) for i, item in enumerate(items)),
        ("taxItems", tuple(item.label for item in tax_items)),
    ):
        if missing := labels_missing(labels, group):
            fields = tuple(FieldFault(f"{place}[{j}]", "unknown") for j in missing)
            raise Fault("TS-2001", detail="a tax label that the rate group does not have", fields=fields)


def check_categories(order_ids: Iterable[int], group: TaxRateGroup) -> None:
    """The categories that the card counts in its internal data must be in the group (``TS-1407``, 70).

    ``order_ids`` are those with an amount; a card has counters for categories that its country does not use.
    """
    known = {category.order_id for category in group.categories}
    for order_id in order_ids:
        if order_id not in known:
            raise Fault("TS-1407", detail=f"the rate group has no category {order_id}")


def check_time(sdc_time: datetime, signed_ms: int, arrived_at: datetime, tolerances: Tolerances) -> None:
    """The invoice's time is the signed instant and not far from its arrival (``TS-2008``: 67, 73, 75)."""
    if unix_ms(sdc_time) != signed_ms:
        raise Fault("TS-2008", detail="sdcDateTime is not the time that was signed", audit_status=67)
    if sdc_time - arrived_at > tolerances.future:
        raise Fault("TS-2008", detail="the invoice is from the future", audit_status=73)
    if sdc_time < EARLIEST_INVOICE or _older(sdc_time, arrived_at, tolerances.past):
        raise Fault("TS-2008", detail="the invoice is too old", audit_status=75)


def check_reference_time(request: InvoiceRequest, sdc_time: datetime, tolerances: Tolerances) -> None:
    """A reference's time needs its number and lies before the invoice, not too far (``TS-2009``: 68, 74, 76)."""
    refers_to = request.referent_document_dt
    if refers_to is None:
        return
    if not request.referent_document_number:
        raise Fault("TS-2009", detail="a reference time without a reference number", audit_status=68)
    if refers_to > sdc_time:
        raise Fault("TS-2009", detail="the reference is later than the invoice", audit_status=74)
    if refers_to < EARLIEST_INVOICE or _older(refers_to, sdc_time, tolerances.reference_past):
        raise Fault("TS-2009", detail="the reference is too old", audit_status=76)


def _older(moment: datetime, than: datetime, limit: timedelta | None) -> bool:
    return limit is not None and than - moment > limit


def check_ranges(request: InvoiceRequest | Sale) -> None:
    """Quantities are more than 0, amounts are not negative, and both have at most 14 integer digits (``TS-2005``)."""
    for item in request.items:
        if not (
            0 < item.quantity.scaled < _QUANTITY_END
            and 0 <= item.total_amount.scaled < _MONEY_END
            and 0 <= item.unit_price.scaled < _MONEY_END
        ):
            break
    else:
        if all(map(_is_payment, request.payments)):
            return
    wrong = [
        *(f"items[{i}].quantity" for i, item in enumerate(request.items) if not _is_quantity(item.quantity)),
        *(f"items[{i}].totalAmount" for i, item in enumerate(request.items) if not _is_amount(item.total_amount)),
        *(f"items[{i}].unitPrice" for i, item in enumerate(request.items) if not _is_amount(item.unit_price)),
        *(f"payment[{i}].amount" for i, payment in enumerate(request.payments) if not _is_payment(payment)),
    ]
    fields = tuple(FieldFault(pointer, "range") for pointer in wrong)
    raise Fault("TS-2005", detail="an amount or a quantity is out of range", fields=fields)


def _is_payment(payment: Payment) -> bool:
    return _is_amount(payment.amount)


def _is_quantity(quantity: Quantity) -> bool:
    return 0 < quantity.scaled < _QUANTITY_END


def _is_amount(amount: Money) -> bool:
    return 0 <= amount.scaled < _MONEY_END


def check_taxes(items: Sequence[InvoiceItem], tax_items: Iterable[TaxOfLabel], group: TaxRateGroup) -> None:
    """The stated rate and tax of each label are ours, the tax within 0.0001 (``TS-2002``).

    Silent about items with labels that the group does not have: ``check_labels`` speaks about those.
    """
    try:
        ours = taxes_of_labels(items, group)
    except Fault:
        return
    stated: dict[str, int] = dict.fromkeys(ours, 0)
    for item in tax_items:
        label = item.label.upper()
        stated[label] = stated.get(label, 0) + item.amount.scaled
        if label in ours and ours[label][0] != item.rate:
            raise Fault("TS-2002", detail=f"label {item.label} has another rate in the rate group")
    for label, amount in stated.items():
        expected = ours[label][1] if label in ours else 0
        if abs(amount - expected) > TAX_TOLERANCE.scaled:
            raise Fault("TS-2002", detail=f"the tax of label {label} is {Money(expected)}, not {Money(amount)}")


def check_totals(items: Iterable[InvoiceItem], total: Money) -> None:
    """The total of the result is the sum of its items (``TS-2003``). Payments may differ: change is given."""
    expected = sum([item.total_amount.scaled for item in items])
    if expected != total.scaled:
        raise Fault("TS-2003", detail=f"the items add up to {Money(expected)}, not {total}")


def check_buyer_id(buyer_id: str | None, pattern: str | None) -> None:
    """The buyer's identification has the country's form; no pattern means that any will do (``TS-2007``)."""
    if buyer_id and pattern is not None and re.fullmatch(pattern, buyer_id) is None:
        raise Fault("TS-2007", detail="the buyer's identification does not have this country's form")


def check_reference(request: InvoiceRequest, *, time_required: bool = False) -> None:
    """A copy and a refund name their original, and where the country asks for it also its time (``TS-2101``)."""
    if not request.refers_back:
        return
    if not request.referent_document_number:
        raise Fault("TS-2101", detail="the number of the original is missing")
    if time_required and request.referent_document_dt is None:
        raise Fault("TS-2101", detail="the time of the original is missing")
