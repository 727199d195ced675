"""Taxes of an invoice in exact integers (TaxCore wire, S2-045 to S2-055).

One item with total ``T`` and rates in per cent: fixed amounts (rate x quantity) come off first and leave ``B``. With
``S`` the sum of the tax-on-total rates and ``N`` the sum of the tax-on-net rates of the item,

* a tax-on-total label takes ``B * rate / (100 + S)``,
* a tax-on-net label takes ``B * 100 * rate / ((100 + S) * (100 + N))``.

Each item and label is rounded once, to four decimals half up, and then summed (K-08): that order is part of the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import gcd

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money, Quantity, Rate, round_half_up
from tallystick.kernel.invoice import InvoiceItem, TaxCategoryType, TaxItem
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup

_HUNDRED: int = 100 * 10**Rate.places
_FIXED_DIVISOR: int = 10 ** (Rate.places + Quantity.places - Money.places)
_PLANS_KEPT = 4_096


@attrs.frozen(slots=True)
class _Slot:
    """A label's place in the result; ``key`` is the label as it is compared."""

    category: TaxCategory
    rate: TaxRate
    key: str

    def tax_item(self, amount: int) -> TaxItem:
        category = self.category
        return TaxItem(
            self.rate.label, category.name, category.category_type, category.order_id, self.rate.rate, Money(amount)
        )


@attrs.frozen(slots=True)
class _Plan:
    """What one set of labels does to an item.

    ``fixed``: (slot, rate) of amounts a quantity. ``shares``: (slot, doubled numerator, denominator) of the rest;
    doubled, so that rounding half up costs one addition.
    """

    fixed: tuple[tuple[int, int], ...]
    shares: tuple[tuple[int, int, int], ...]


class _Planner:
    """The slots of one rate group, and a plan for every set of labels met so far."""

    def __init__(self, group: TaxRateGroup) -> None:
        ordered = sorted(group.categories, key=lambda category: category.order_id)
        self.slots = [_Slot(category, rate, rate.label.upper()) for category in ordered for rate in category.rates]
        self.slot_of = {slot.key: number for number, slot in enumerate(self.slots)}
        if len(self.slot_of) != len(self.slots):
            raise Fault("TS-2004", detail=f"rate group {group.group_id} names a label twice")
        self.plans: dict[tuple[str, ...], _Plan] = {}

    def plan(self, labels: tuple[str, ...]) -> _Plan:
        """The plan of a set of labels; raises ``KeyError`` for an unknown label."""
        slots = sorted({self.slot_of[label.upper()] for label in labels})
        plan = _Plan(fixed=self._fixed(slots), shares=self._shares(slots))
        if len(self.plans) >= _PLANS_KEPT:
            self.plans.clear()
        self.plans[labels] = plan
        return plan

    def _of(self, slots: Iterable[int], kind: TaxCategoryType) -> list[tuple[int, int]]:
        chosen = ((number, self.slots[number]) for number in slots)
        return [(number, slot.rate.rate.scaled) for number, slot in chosen if slot.category.category_type is kind]

    def _fixed(self, slots: Iterable[int]) -> tuple[tuple[int, int], ...]:
        return tuple(self._of(slots, TaxCategoryType.AMOUNT_PER_QUANTITY))

    def _shares(self, slots: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
        on_total = self._of(slots, TaxCategoryType.TAX_ON_TOTAL)
        on_net = self._of(slots, TaxCategoryType.TAX_ON_NET)
        with_total = _HUNDRED + sum(rate for _, rate in on_total)
        with_net = with_total * (_HUNDRED + sum(rate for _, rate in on_net))
        shares = [_reduced(slot, rate, with_total) for slot, rate in on_total]
        return tuple(shares + [_reduced(slot, rate * _HUNDRED, with_net) for slot, rate in on_net])


def _reduced(slot: int, numerator: int, denominator: int) -> tuple[int, int, int]:
    divisor = gcd(numerator, denominator)
    return slot, 2 * (numerator // divisor), denominator // divisor


@lru_cache(maxsize=64)
def _planner_of(group: TaxRateGroup) -> _Planner:
    return _Planner(group)


def calculate_taxes(items: Sequence[InvoiceItem], group: TaxRateGroup) -> tuple[TaxItem, ...]:
    """The tax of each label over all items, by category ``order_id`` and then position in the group.

    Labels are compared after Unicode upper-casing, a repeated one counts once. Raises ``TS-2001`` naming each unknown
    label as ``items[i].labels[j]``, and ``TS-2004`` for a group that names a label twice.
    """
    planner = _planner_of(group)
    slots, sums = planner.slots, _sums(planner, items, group)
    return tuple([slots[slot].tax_item(sums[slot]) for slot in sorted(sums)])


def taxes_of_labels(items: Sequence[InvoiceItem], group: TaxRateGroup) -> dict[str, tuple[Rate, int]]:
    """Rate and tax (scaled as money) of each label in capitals; raises as `calculate_taxes` does."""
    planner = _planner_of(group)
    found: dict[str, tuple[Rate, int]] = {}
    for number, amount in _sums(planner, items, group).items():
        slot = planner.slots[number]
        found[slot.key] = (slot.rate.rate, amount)
    return found


def _sums(planner: _Planner, items: Sequence[InvoiceItem], group: TaxRateGroup) -> dict[int, int]:
    """The tax of each slot over all items."""
    plans = planner.plans
    sums: dict[int, int] = {}
    for item in items:
        plan = plans.get(item.labels) or _new_plan(group, items, item.labels)
        base = item.total_amount.scaled
        for slot, rate in plan.fixed:
            amount = round_half_up(rate * item.quantity.scaled, _FIXED_DIVISOR)
            sums[slot] = sums.get(slot, 0) + amount
            base -= amount
        for slot, doubled, denominator in plan.shares:
            if base >= 0:
                amount = (base * doubled + denominator) // (2 * denominator)
            else:
                amount = -((-base * doubled + denominator) // (2 * denominator))
            sums[slot] = sums.get(slot, 0) + amount
    return sums


def _new_plan(group: TaxRateGroup, items: Sequence[InvoiceItem], labels: tuple[str, ...]) -> _Plan:
    try:
        return _planner_of(group).plan(labels)
    except KeyError:
        raise _unknown_labels(group, items) from None


def _unknown_labels(group: TaxRateGroup, items: Sequence[InvoiceItem]) -> Fault:
    wrong = tuple(
        FieldFault(f"items[{i}].labels[{j}]", "unknown")
        for i, item in enumerate(items)
        for j in labels_missing(item.labels, group)
    )
    return Fault("TS-2001", detail="a tax label that the rate group does not have", fields=wrong)


def labels_missing(labels: Sequence[str], group: TaxRateGroup) -> tuple[int, ...]:
    """The positions of labels that the group does not have."""
    known = _planner_of(group).slot_of
    return tuple([position for position, label in enumerate(labels) if label.upper() not in known])


def category_totals(tax_items: Iterable[TaxItem]) -> tuple[tuple[int, Money], ...]:
    """The sum of its labels for each category, as the card takes them: ascending ``order_id`` (S2-053)."""
    sums: dict[int, int] = {}
    for item in tax_items:
        sums[item.category_order_id] = sums.get(item.category_order_id, 0) + item.amount.scaled
    return tuple((order_id, Money(sums[order_id])) for order_id in sorted(sums))
