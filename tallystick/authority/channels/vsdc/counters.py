"""The counters of a pair: what a card would count for itself, the hosted signer counts for each POS that asks it."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import COUNTER_KINDS, TransactionType, counter_index
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.card import CategoryTotal, InternalData, SignRequest

_LEAST_CATEGORIES = 5
"""As many fit one block of internal data, so that fewer would save nothing."""


def first_counters(signed_by: str) -> InternalData:
    """A pair that has signed nothing. It has no limit to use up: its documents are at the authority at once."""
    return InternalData(
        uid=signed_by,
        time_ms=0,
        total_counter=0,
        type_counters=(0,) * COUNTER_KINDS,
        sales=Money(0),
        refunds=Money(0),
        unaudited=Money(0),
        limit=Money(0),
        audit_sequence=0,
        categories=(),
    )


def categories_needed(groups: Iterable[TaxRateGroup]) -> int:
    """How many places for taxes the country's rates need."""
    return max((one.order_id for group in groups for one in group.categories), default=0)


def count(before: InternalData, wanted: SignRequest, categories: int) -> InternalData:
    """The counters with one more invoice. Fiscal receipts add to sums and taxes, as on a card (wire: 15.2)."""
    counters = list(before.type_counters)
    counters[counter_index(wanted.invoice_type, wanted.transaction_type)] += 1
    after = attrs.evolve(
        before,
        time_ms=wanted.time_ms,
        total_counter=before.total_counter + 1,
        type_counters=tuple(counters),
        categories=_widened(before.categories, max(categories, _LEAST_CATEGORIES)),
    )
    return _with_turnover(after, wanted) if wanted.invoice_type.is_fiscal else after


def _widened(totals: tuple[CategoryTotal, ...], places: int) -> tuple[CategoryTotal, ...]:
    """New categories begin at 0; none is ever taken away."""
    return totals + tuple(CategoryTotal(number, Money(0), Money(0)) for number in range(len(totals) + 1, places + 1))


def _with_turnover(counted: InternalData, wanted: SignRequest) -> InternalData:
    is_sale = wanted.transaction_type is TransactionType.SALE
    taxes = dict(wanted.categories)
    totals = tuple(
        _with_tax(total, taxes.get(total.order_id, Money(0)), is_sale=is_sale) for total in counted.categories
    )
    if is_sale:
        return attrs.evolve(counted, sales=counted.sales + wanted.amount, categories=totals)
    return attrs.evolve(counted, refunds=counted.refunds + wanted.amount, categories=totals)


def _with_tax(total: CategoryTotal, tax: Money, *, is_sale: bool) -> CategoryTotal:
    if not tax.scaled:
        return total
    if is_sale:
        return CategoryTotal(total.order_id, total.sale_tax + tax, total.refund_tax)
    return CategoryTotal(total.order_id, total.sale_tax, total.refund_tax + tax)
