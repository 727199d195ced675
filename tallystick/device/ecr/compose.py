"""From an order to the document that will be signed: prices, taxes, payments, and what an original leaves to give back.

Nothing here reads or writes: the register's own memory of an original is handed in (S0-056 to S0-058, K-21).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from tallystick.device.ecr.orders import (
    CloseMemory,
    CloseShift,
    Correct,
    Line,
    OpenShift,
    Order,
    Refund,
    Register,
    ReportX,
    Reregister,
    Sell,
)
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import ZERO_MONEY, Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import utc_offset_minutes
from tallystick.kernel.invoice import InvoiceItem, Payment, PaymentType, TransactionType
from tallystick.kernel.judgement import check_ranges
from tallystick.kernel.national_document import (
    Closure,
    Content,
    DocumentKind,
    FormNumber,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    StatedTax,
)
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.tax import calculate_taxes
from tallystick.kernel.tax_rates import TaxRateGroup, group_at

_KINDS: dict[type, DocumentKind] = {
    Refund: DocumentKind.RECEIPT,
    Correct: DocumentKind.CORRECTION,
    OpenShift: DocumentKind.SHIFT_OPENING,
    ReportX: DocumentKind.STATUS,
    CloseShift: DocumentKind.SHIFT_CLOSING,
    Register: DocumentKind.REGISTRATION,
    Reregister: DocumentKind.RE_REGISTRATION,
    CloseMemory: DocumentKind.CLOSURE,
}


@attrs.frozen(slots=True, kw_only=True)
class Original:
    """A sale in the register's memory, and how much of it was given back since."""

    document: NationalDocument
    sale: Sale
    given_back: Money

    @property
    def rest(self) -> Money:
        """What may still be given back."""
        return self.sale.total - self.given_back


@attrs.frozen(slots=True, kw_only=True)
class Composed:
    """The document, and the change that the buyer gets."""

    document: NationalDocument
    change: Money = ZERO_MONEY


def compose(
    order: Order, state: RegisterState, setup: RegisterSetup, moment: datetime, original: Original | None
) -> Composed:
    """The document of an order.

    Raises ``TS-3254`` (payments do not cover or exceed the total), ``TS-3255`` (no such original), ``TS-3256`` (more
    than is left of it), ``TS-2001`` (unknown label), ``TS-3257`` (no rates in force).
    """
    content, change, kind = _content(order, state, setup, moment, original)
    local = moment.astimezone(setup.zone)
    document = NationalDocument(
        kind=kind,
        build=setup.build,
        utc_offset_minutes=utc_offset_minutes(local),
        content=content,
        shift=_shift(kind, state),
    )
    return Composed(document=document, change=change)


def _shift(kind: DocumentKind, state: RegisterState) -> int:
    if kind.is_register_report:
        return 0
    return state.shift + 1 if kind is DocumentKind.SHIFT_OPENING else state.shift


def _content(
    order: Order, state: RegisterState, setup: RegisterSetup, moment: datetime, original: Original | None
) -> tuple[Content, Money, DocumentKind]:
    kind = _KINDS.get(type(order), DocumentKind.RECEIPT)
    match order:
        case Sell():
            sale, change = _sold(order, setup, moment)
            return sale, change, DocumentKind.RECEIPT if order.form is None else DocumentKind.ACCOUNTABLE_FORM
        case Refund():
            found = _found(original, order.original)
            return _given_back(order, found, setup), ZERO_MONEY, found.document.kind
        case Correct():
            return (
                _corrected(order, _found(original, order.original, for_correction=True), setup, moment),
                ZERO_MONEY,
                kind,
            )
        case OpenShift():
            return ShiftOpening(order.cash, order.cashier), ZERO_MONEY, kind
        case ReportX() | CloseShift():
            return state.report(state.documents + 1), ZERO_MONEY, kind
        case CloseMemory():
            closure = Closure(documents=state.documents, turnover=state.turnover, reason=order.reason)
            return closure, ZERO_MONEY, kind
        case _:
            reason = order.reason if isinstance(order, Reregister) else ""
            return _register_report(setup, reason), ZERO_MONEY, kind


def _register_report(setup: RegisterSetup, reason: str) -> RegisterReport:
    return RegisterReport(
        maker=setup.maker,
        model=setup.model,
        serial_number=setup.serial_number,
        memory_number=setup.memory_number,
        premises=setup.premises,
        reason=reason,
    )


def _found(original: Original | None, number: SdcInvoiceNumber, *, for_correction: bool = False) -> Original:
    """A receipt or a form; a correction may follow a refund as well (S1-027)."""
    if original is None or original.document.kind is DocumentKind.CORRECTION:
        raise Fault("TS-3255", detail=f"{number} is no sale in this register's memory")
    if original.sale.operation is not TransactionType.SALE and not for_correction:
        raise Fault("TS-3255", detail=f"{number} is a refund")
    return original


def _sold(order: Sell, setup: RegisterSetup, moment: datetime) -> tuple[Sale, Money]:
    group = _group(setup, moment)
    items, total = _items(order.lines, setup)
    payments, change = _paid(order.payments, total)
    sale = _sale(
        TransactionType.SALE,
        items,
        payments,
        total,
        group,
        setup,
        cashier=order.cashier,
        buyer_id=order.buyer_id,
        form=order.form,
    )
    return sale, change


def _given_back(order: Refund, original: Original, setup: RegisterSetup) -> Sale:
    """Under the rates of the original (S2-042), and never more than is left of it (S0-058)."""
    items, total = _items(order.lines, setup) if order.lines else (original.sale.items, original.sale.total)
    _check_rest(original, total, order.original)
    payments = _paid_exactly(order.payments, total)
    group = _group_of(setup, original.sale.rate_group)
    return _sale(
        TransactionType.REFUND,
        items,
        payments,
        total,
        group,
        setup,
        cashier=order.cashier,
        buyer_id=original.sale.buyer_id,
        refers_to=order.original,
        form=original.sale.form,
    )


def _corrected(order: Correct, original: Original, setup: RegisterSetup, moment: datetime) -> Sale:
    """Downwards under the rates of the original and within what is left of it; upwards under those of now."""
    items, total = _items(order.lines, setup)
    group = _group(setup, moment)
    if order.direction is TransactionType.REFUND:
        _check_rest(original, total, order.original)
        group = _group_of(setup, original.sale.rate_group)
    payments = _paid_exactly(order.payments, total)
    return _sale(
        order.direction,
        items,
        payments,
        total,
        group,
        setup,
        cashier=order.cashier,
        refers_to=order.original,
        reason=order.reason,
    )


def _check_rest(original: Original, total: Money, number: SdcInvoiceNumber) -> None:
    if total > original.rest:
        raise Fault("TS-3256", detail=f"{original.rest} is left of {number}, not {total}")


def _sale(
    operation: TransactionType,
    items: tuple[InvoiceItem, ...],
    payments: tuple[Payment, ...],
    total: Money,
    group: TaxRateGroup,
    setup: RegisterSetup,
    *,
    cashier: str,
    buyer_id: str = "",
    refers_to: SdcInvoiceNumber | None = None,
    reason: str = "",
    form: FormNumber | None = None,
) -> Sale:
    taxes = tuple([StatedTax(tax.label, tax.rate, tax.amount) for tax in calculate_taxes(items, group)])
    sale = Sale(
        operation=operation,
        items=items,
        payments=payments,
        taxes=taxes,
        total=total,
        rate_group=group.group_id,
        currency=setup.currency,
        cashier=cashier,
        buyer_id=buyer_id,
        refers_to=refers_to,
        reason=reason,
        form=form,
    )
    check_ranges(sale)
    return sale


def _group(setup: RegisterSetup, moment: datetime) -> TaxRateGroup:
    group = group_at(setup.rate_groups, moment)
    if group is None:
        raise Fault("TS-3257", detail="no tax rates are in force")
    return group


def _group_of(setup: RegisterSetup, group_id: int) -> TaxRateGroup:
    for group in setup.rate_groups:
        if group.group_id == group_id:
            return group
    raise Fault("TS-3257", detail=f"the rates {group_id} of the original are not known here")


def _items(lines: Sequence[Line], setup: RegisterSetup) -> tuple[tuple[InvoiceItem, ...], Money]:
    items = tuple(
        [
            InvoiceItem(
                line.name, line.quantity, line.price, line.labels, setup.price(line.price, line.quantity), line.gtin
            )
            for line in lines
        ]
    )
    return items, Money(sum(item.total_amount.scaled for item in items))


def _paid(payments: Sequence[Payment], total: Money) -> tuple[tuple[Payment, ...], Money]:
    """What is signed adds up to the total; the rest of the cash goes back as change."""
    change = Money(sum(one.amount.scaled for one in payments)) - total
    if not change.scaled:
        return tuple(payments), ZERO_MONEY
    cash = Money(sum(one.amount.scaled for one in payments if one.payment_type is PaymentType.CASH))
    if change < ZERO_MONEY or change > cash:
        raise _unpaid("what is paid must cover the total, and only cash gives change")
    kept = [one for one in payments if one.payment_type is not PaymentType.CASH]
    if cash > change or not kept:
        kept.append(Payment(cash - change, PaymentType.CASH))
    return tuple(kept), change


def _paid_exactly(payments: Sequence[Payment], total: Money) -> tuple[Payment, ...]:
    if Money(sum(one.amount.scaled for one in payments)) != total:
        raise _unpaid(f"what is given back or collected must be {total}")
    return tuple(payments)


def _unpaid(detail: str) -> Fault:
    return Fault("TS-3254", detail=detail, fields=(FieldFault("/payments", "4"),))
