"""Properties of the tax calculation, and a second calculation in exact fractions that follows the rows literally."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from itertools import chain
from math import floor
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, TaxCategoryType, TaxItem
from tallystick.kernel.tax import calculate_taxes, category_totals
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup

LABELS = "ABCDEFЂЕГЖАP"

cents = st.integers(min_value=1, max_value=10**9)
quantities = st.integers(min_value=1, max_value=10**7).map(Quantity)
percentages = st.integers(min_value=0, max_value=10_000).map(lambda hundredths: Rate(hundredths * 10**6))


@st.composite
def groups(draw: st.DrawFn) -> TaxRateGroup:
    """Up to twelve labels in up to four categories of any kind."""
    labels = draw(st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=12))
    homes = draw(st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels)))
    categories = []
    for number in sorted(set(homes)):
        own = [TaxRate(label, draw(percentages)) for label, home in zip(labels, homes, strict=True) if home == number]
        kind = draw(st.sampled_from(TaxCategoryType))
        categories.append(TaxCategory(f"C{number}", kind, draw(st.integers(0, 5)), tuple(own)))
    return TaxRateGroup(datetime(2020, 1, 1, tzinfo=UTC), draw(st.integers(0, 99)), tuple(categories))


@st.composite
def sales(draw: st.DrawFn) -> tuple[TaxRateGroup, list[InvoiceItem]]:
    """A rate group and a basket that uses it."""
    group = draw(groups())
    labels = st.lists(st.sampled_from(sorted(group.labels())), max_size=6, unique=True).map(tuple)
    item = st.builds(make_item, labels, cents, quantities)
    return group, draw(st.lists(item, max_size=6))


def make_item(labels: tuple[str, ...], total_cents: int, quantity: Quantity) -> InvoiceItem:
    total = Money(total_cents * 100)
    return InvoiceItem("Item", quantity, total, labels, total)


def amounts(taxes: tuple[TaxItem, ...]) -> dict[str, int]:
    return {tax.label: tax.amount.scaled for tax in taxes}


def rounded(value: Fraction) -> Fraction:
    """Four decimals, half up."""
    return Fraction(floor(value * 10_000 + Fraction(1, 2)), 10_000)


def literally(items: list[InvoiceItem], group: TaxRateGroup) -> dict[str, Fraction]:
    """S2-045 to S2-051 as they are written, in fractions."""
    kinds = {rate.label: (kept.category_type, rate.rate) for kept in group.categories for rate in kept.rates}
    sums: dict[str, Fraction] = {}
    for item in items:
        labels = set(item.labels)
        rate_of = {label: Fraction(kinds[label][1].decimal) for label in labels}
        of_kind = {kind: [label for label in labels if kinds[label][0] is kind] for kind in TaxCategoryType}
        total = Fraction(item.total_amount.decimal)
        found: dict[str, Fraction] = {}
        for label in of_kind[TaxCategoryType.AMOUNT_PER_QUANTITY]:
            found[label] = rounded(rate_of[label] * Fraction(item.quantity.decimal))
        total -= sum(found.values())
        net_rates = sum(rate_of[label] for label in of_kind[TaxCategoryType.TAX_ON_NET])
        total_rates = sum(rate_of[label] for label in of_kind[TaxCategoryType.TAX_ON_TOTAL])
        without = total / (1 + Fraction(total_rates) / 100)
        for label in of_kind[TaxCategoryType.TAX_ON_TOTAL]:
            found[label] = mirrored(without * rate_of[label] / 100)
        for label in of_kind[TaxCategoryType.TAX_ON_NET]:
            found[label] = mirrored(without * rate_of[label] / (100 + net_rates))
        for label, amount in found.items():
            sums[label] = sums.get(label, Fraction(0)) + amount
    return sums


def mirrored(value: Fraction) -> Fraction:
    return rounded(value) if value >= 0 else -rounded(-value)


@given(sales())
def test_s2_045_to_s2_055_agree_with_the_rows_in_fractions(sale: tuple[TaxRateGroup, list[InvoiceItem]]) -> None:
    group, items = sale
    expected = {label: int(amount * 10_000) for label, amount in literally(items, group).items()}
    assert amounts(calculate_taxes(items, group)) == expected


@given(sales())
def test_s2_050_the_whole_is_the_sum_of_its_items(sale: tuple[TaxRateGroup, list[InvoiceItem]]) -> None:
    group, items = sale
    parts: dict[str, int] = {}
    for label, amount in chain.from_iterable(amounts(calculate_taxes([item], group)).items() for item in items):
        parts[label] = parts.get(label, 0) + amount
    assert amounts(calculate_taxes(items, group)) == parts


@given(sales(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_labels_does_not_matter(
    sale: tuple[TaxRateGroup, list[InvoiceItem]], random: Random
) -> None:
    group, items = sale
    shuffled = [
        make_item(tuple(random.sample(item.labels, len(item.labels))), item.total_amount.scaled // 100, item.quantity)
        for item in random.sample(items, len(items))
    ]
    assert calculate_taxes(shuffled, group) == calculate_taxes(items, group)


@given(sales())
def test_a_refund_is_the_mirror_of_its_sale(sale: tuple[TaxRateGroup, list[InvoiceItem]]) -> None:
    """Counted with the sign of the document, sale and refund leave nothing, label by label and to the last digit."""
    group, items = sale
    back = [InvoiceItem(item.name, -item.quantity, item.unit_price, item.labels, -item.total_amount) for item in items]
    negative = {label: -amount for label, amount in amounts(calculate_taxes(items, group)).items()}
    assert amounts(calculate_taxes(back, group)) == negative


@given(sales())
def test_tax_is_never_above_the_total_nor_below_zero(sale: tuple[TaxRateGroup, list[InvoiceItem]]) -> None:
    """For amounts of a POS (two decimals), rates up to 100 % and fixed amounts that the price covers."""
    group, items = sale
    fixed = {
        rate.label: rate.rate
        for category in group.categories
        if category.category_type is TaxCategoryType.AMOUNT_PER_QUANTITY
        for rate in category.rates
    }
    for item in items:
        due = sum(fixed[label].scaled * item.quantity.scaled for label in item.labels if label in fixed)
        if due > item.total_amount.scaled * 10**7:
            continue
        found = amounts(calculate_taxes([item], group))
        assert all(amount >= 0 for amount in found.values())
        assert sum(found.values()) <= item.total_amount.scaled


@given(sales())
def test_s2_053_categories_hold_all_tax_and_ascend(sale: tuple[TaxRateGroup, list[InvoiceItem]]) -> None:
    group, items = sale
    taxes = calculate_taxes(items, group)
    totals = category_totals(taxes)
    assert sum(amount.scaled for _, amount in totals) == sum(tax.amount.scaled for tax in taxes)
    assert [order_id for order_id, _ in totals] == sorted({tax.category_order_id for tax in taxes})
