"""Calculated taxes as bytes for the intent: what a sale owes stays what it was, whatever rates arrive meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.invoice import TaxCategoryType, TaxItem

_Row = tuple[str, str, int, int, int, int]
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[_Row])


def write_taxes(taxes: Sequence[TaxItem]) -> bytes:
    """Rows of label, category name, type, order id, rate and amount (scaled integers)."""
    return _ENCODER.encode(
        [
            (
                tax.label,
                tax.category_name,
                int(tax.category_type),
                tax.category_order_id,
                tax.rate.scaled,
                tax.amount.scaled,
            )
            for tax in taxes
        ]
    )


def read_taxes(record: bytes) -> tuple[TaxItem, ...]:
    """Undo `write_taxes`; raises ``msgspec.DecodeError`` for bytes that it did not write."""
    return tuple(
        TaxItem(label, name, TaxCategoryType(kind), order_id, Rate(rate), Money(amount))
        for label, name, kind, order_id, rate, amount in _DECODER.decode(record)
    )
