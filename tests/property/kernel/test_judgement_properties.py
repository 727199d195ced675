"""The judgement agrees with the calculation: our own taxes always pass, any visible change of them never does."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.instants import EPOCH
from tallystick.kernel.invoice import InvoiceItem, TaxCategoryType
from tallystick.kernel.judgement import check_labels, check_taxes, check_totals
from tallystick.kernel.tax import calculate_taxes
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup

GROUP = TaxRateGroup(
    EPOCH,
    1,
    (
        TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of("9")), TaxRate("Ж", Rate.of("19")))),
        TaxCategory("TOTL", TaxCategoryType.TAX_ON_TOTAL, 2, (TaxRate("T", Rate.of("2")),)),
        TaxCategory("PBL", TaxCategoryType.AMOUNT_PER_QUANTITY, 3, (TaxRate("P", Rate.of("0.5")),)),
    ),
)

items = st.builds(
    lambda labels, cents, quantity: InvoiceItem("Item", quantity, Money(cents), tuple(labels), Money(cents * 100)),
    st.lists(st.sampled_from("AЖTPaжtp"), min_size=1, max_size=5),
    st.integers(1, 10**8),
    st.integers(1, 10**6).map(Quantity),
)
baskets = st.lists(items, min_size=1, max_size=8)


@given(baskets)
def test_our_own_taxes_and_totals_pass(basket: list[InvoiceItem]) -> None:
    taxes = calculate_taxes(basket, GROUP)
    check_labels(basket, taxes, GROUP)
    check_taxes(basket, taxes, GROUP)
    check_taxes(basket, list(reversed(taxes)), GROUP)
    check_totals(basket, Money(sum(item.total_amount.scaled for item in basket)))


@given(baskets, st.integers(-(10**9), 10**9), st.data())
def test_ts_2002_every_change_of_more_than_a_ten_thousandth_is_seen(
    basket: list[InvoiceItem], change: int, data: st.DataObject
) -> None:
    assume(abs(change) > 1)
    taxes = list(calculate_taxes(basket, GROUP))
    place = data.draw(st.integers(0, len(taxes) - 1))
    taxes[place] = attrs.evolve(taxes[place], amount=Money(taxes[place].amount.scaled + change))
    with pytest.raises(Fault, match="TS-2002"):
        check_taxes(basket, taxes, GROUP)


@given(baskets, st.integers(-(10**9), 10**9).filter(bool))
def test_ts_2003_every_change_of_the_total_is_seen(basket: list[InvoiceItem], change: int) -> None:
    total = sum(item.total_amount.scaled for item in basket)
    with pytest.raises(Fault, match="TS-2003"):
        check_totals(basket, Money(total + change))
