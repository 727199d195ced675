"""Payloads of documents. Every number is text; amounts have up to four decimals.

Members that name the connection's state (`shift`, the totals of a report) are filled in when a document is signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Payload = dict[str, Any]
_UNIT = Decimal("0.0001")


def registration(maker: str, model: str, serial_number: str) -> Payload:
    """The first document of a connection: what the system is."""
    return {"kind": "registration", "maker": maker, "model": model, "serial_number": serial_number}


def opening(cash: str = "0", cashier: str = "") -> Payload:
    """A shift begins; it lasts 24 hours at most."""
    return {"kind": "shift-opening", "cash": cash} | ({"cashier": cashier} if cashier else {})


def closing() -> Payload:
    """The shift ends: a report of everything that was sold in it, which the client makes."""
    return {"kind": "shift-closing"}


def receipt(
    items: Sequence[Mapping[str, Any]],
    payments: Mapping[str, str],
    taxes: Sequence[Mapping[str, str]],
    *,
    currency: str,
    rate_group: str,
    refund_of: str = "",
    **more: str,
) -> Payload:
    """A sale, or with ``refund_of`` (a fiscal number) a refund.

    An item has name, quantity, price, total and labels; payments go by their kind (``cash``, ``card``,
    ``wire-transfer``, ...) and add up to the total. ``more`` are buyer, cashier and reason.
    """
    said: Payload = {
        "kind": "receipt",
        "operation": "refund" if refund_of else "sale",
        "currency": currency,
        "rate_group": rate_group,
        "items": [dict(item) for item in items],
        "payments": [{"kind": kind, "amount": amount} for kind, amount in payments.items()],
        "taxes": [dict(tax) for tax in taxes],
        "total": plain(sum((Decimal(item["total"]) for item in items), Decimal(0))),
    }
    return said | ({"refers_to": refund_of} if refund_of else {}) | {name: text for name, text in more.items() if text}


def taxes_of(items: Iterable[Mapping[str, Any]], rates: Mapping[str, str]) -> list[dict[str, str]]:
    """The taxes of items that have one label each, of a tax that is part of the price.

    Rounded once for each item, to four decimals half up, and then summed. A system with other kinds of tax brings its
    own figures.
    """
    sums: dict[str, Decimal] = {}
    for item in items:
        [label] = item["labels"]
        rate = Decimal(rates[label])
        tax = (Decimal(item["total"]) * rate / (100 + rate)).quantize(_UNIT, ROUND_HALF_UP)
        sums[label] = sums.get(label, Decimal(0)) + tax
    return [{"label": label, "rate": rates[label], "amount": plain(sums[label])} for label in sorted(sums)]


def plain(value: Decimal) -> str:
    """The shortest text."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
