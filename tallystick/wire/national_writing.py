"""A national document as the members of its payload; `wire.national_document` makes the bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.kernel.fixed_point import FixedPoint
from tallystick.kernel.invoice import TransactionType
from tallystick.kernel.national_document import (
    Closure,
    Content,
    NationalDocument,
    RegisterReport,
    Sale,
    ShiftOpening,
    ShiftReport,
)
from tallystick.kernel.shifts import PAYMENT_WORDS
from tallystick.wire.national_members import VERSION

OPERATIONS = {"sale": TransactionType.SALE, "refund": TransactionType.REFUND}
PAYMENTS = {word: kind for kind, word in PAYMENT_WORDS.items()}
_OPERATION_WORDS = {kind: word for word, kind in OPERATIONS.items()}


def members_of(document: NationalDocument) -> dict[str, Any]:
    """The payload's members, every number as text."""
    return _WRITERS[type(document.content)](document)


def _plain(value: FixedPoint) -> str:
    """The shortest text of a value."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(document: NationalDocument, **members: Any) -> dict[str, Any]:
    said = {
        "version": VERSION,
        "kind": str(document.kind),
        "build": document.build,
        "utc_offset": str(document.utc_offset_minutes),
    }
    if document.shift:
        said["shift"] = str(document.shift)
    return said | {name: value for name, value in members.items() if value not in ("", None)}


def _write_sale(document: NationalDocument) -> dict[str, Any]:
    sale = document.content
    assert isinstance(sale, Sale)
    items = [
        {
            "name": item.name,
            "quantity": _plain(item.quantity),
            "price": _plain(item.unit_price),
            "total": _plain(item.total_amount),
            "labels": item.labels,
        }
        | ({"gtin": item.gtin} if item.gtin else {})
        for item in sale.items
    ]
    return _written(
        document,
        operation=_OPERATION_WORDS[sale.operation],
        currency=sale.currency,
        rate_group=str(sale.rate_group),
        items=items,
        payments=[{"kind": PAYMENT_WORDS[one.payment_type], "amount": _plain(one.amount)} for one in sale.payments],
        taxes=[{"label": one.label, "rate": _plain(one.rate), "amount": _plain(one.amount)} for one in sale.taxes],
        total=_plain(sale.total),
        cashier=sale.cashier,
        buyer=sale.buyer_id,
        refers_to=str(sale.refers_to or ""),
        reason=sale.reason,
        form=None if sale.form is None else {"series": sale.form.series, "number": sale.form.number},
    )


def _write_opening(document: NationalDocument) -> dict[str, Any]:
    opening = document.content
    assert isinstance(opening, ShiftOpening)
    return _written(document, cash=_plain(opening.cash), cashier=opening.cashier)


def _write_report(document: NationalDocument) -> dict[str, Any]:
    report = document.content
    assert isinstance(report, ShiftReport)
    totals = report.totals
    counted = {
        name: {"count": str(one.count), "total": _plain(one.total)}
        for name, one in (
            ("sales", totals.sales),
            ("refunds", totals.refunds),
            ("corrections_up", totals.corrections_up),
            ("corrections_down", totals.corrections_down),
        )
    }
    amounts = {
        name: {key: _plain(amount) for key, amount in pairs}
        for name, pairs in (("taxes", totals.taxes), ("payments", totals.payments))
    }
    return _written(
        document,
        first=str(report.first),
        last=str(report.last),
        totals=counted | amounts,
        cash=_plain(report.cash),
        turnover=_plain(report.turnover),
    )


def _write_register(document: NationalDocument) -> dict[str, Any]:
    report = document.content
    assert isinstance(report, RegisterReport)
    return _written(
        document,
        maker=report.maker,
        model=report.model,
        serial_number=report.serial_number,
        memory_number=report.memory_number,
        premises=report.premises,
        reason=report.reason,
    )


def _write_closure(document: NationalDocument) -> dict[str, Any]:
    closure = document.content
    assert isinstance(closure, Closure)
    return _written(
        document, documents=str(closure.documents), turnover=_plain(closure.turnover), reason=closure.reason
    )


_WRITERS: dict[type[Content], Callable[[NationalDocument], dict[str, Any]]] = {
    Sale: _write_sale,
    ShiftOpening: _write_opening,
    ShiftReport: _write_report,
    RegisterReport: _write_register,
    Closure: _write_closure,
}
