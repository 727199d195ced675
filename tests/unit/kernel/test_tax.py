"""The seven examples of the tax calculation and the rules around them (S2-040 to S2-055, K-08).

The inputs are reconstructed from the published results: 10.00 with A 5 %, B 6 % (tax on net), C 3 % and F 4 % (tax on
total), E 0.10 for each unit of quantity.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money, Quantity, Rate
from tallystick.kernel.invoice import InvoiceItem, TaxCategoryType, TaxItem
from tallystick.kernel.tax import calculate_taxes, category_totals, labels_missing
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup

NET, TOTAL, QUANTITY = TaxCategoryType.TAX_ON_NET, TaxCategoryType.TAX_ON_TOTAL, TaxCategoryType.AMOUNT_PER_QUANTITY


def category(name: str, kind: TaxCategoryType, order_id: int, **rates: str) -> TaxCategory:
    return TaxCategory(name, kind, order_id, tuple(TaxRate(label, Rate.of(rate)) for label, rate in rates.items()))


def group(*categories: TaxCategory, group_id: int = 7) -> TaxRateGroup:
    return TaxRateGroup(datetime(2020, 1, 1, tzinfo=UTC), group_id, categories)


EXAMPLES = group(
    category("VAT", NET, 1, A="5", B="6"),
    category("STT", TOTAL, 2, C="3"),
    category("ET", TOTAL, 3, F="4"),
    category("ECO", QUANTITY, 4, E="0.10"),
)
FIELD = group(category("PBL", QUANTITY, 3, P="0.50"), category("VAT", NET, 6, A="9", Ж="19"))


def item(labels: str, total: str = "10.00", quantity: str = "1") -> InvoiceItem:
    return InvoiceItem("Item", Quantity.of(quantity), Money.of(total), tuple(labels), Money.of(total))


def taxes(*items: InvoiceItem, rates: TaxRateGroup = EXAMPLES) -> dict[str, str]:
    return {tax.label: str(tax.amount) for tax in calculate_taxes(items, rates)}


def test_s2_047_example_1_only_tax_on_net() -> None:
    assert taxes(item("AB")) == {"A": "0.4505", "B": "0.5405"}


def test_s2_048_s2_049_example_2_tax_on_total_and_on_net() -> None:
    assert taxes(item("ABCF")) == {"A": "0.4210", "B": "0.5052", "C": "0.2804", "F": "0.3738"}


def test_s2_050_k_08_example_3_rounds_each_item_and_label_before_the_sum() -> None:
    assert taxes(item("AB"), item("ABCF")) == {"A": "0.8715", "B": "1.0457", "C": "0.2804", "F": "0.3738"}


def test_s2_050_k_08_the_sum_of_unrounded_amounts_would_be_another() -> None:
    """Guards the example itself: rounding after the sum gives 0.8714, so Example 3 does decide the order."""
    first = Decimal(10) * 5 / (100 + 11)
    second = Decimal(10) / (1 + Decimal(7) / 100) * 5 / (100 + 11)
    assert round(first + second, 4) == Decimal("0.8714")


def test_s2_046_s2_051_example_4_fixed_amount_comes_off_first() -> None:
    assert taxes(item("AE", quantity="2")) == {"A": "0.4667", "E": "0.2000"}


def test_s2_046_s2_051_example_5_fixed_amount_before_tax_on_total_and_on_net() -> None:
    assert taxes(item("ACE", quantity="2")) == {"A": "0.4531", "C": "0.2854", "E": "0.2000"}


def test_s2_051_example_6_fixed_amounts_are_summed_per_label() -> None:
    assert taxes(item("E", quantity="2"), item("E", quantity="1")) == {"E": "0.3000"}


def test_s2_053_example_7_category_totals() -> None:
    totals = category_totals(calculate_taxes([item("AB"), item("ABCF")], EXAMPLES))
    assert [(order_id, str(amount)) for order_id, amount in totals] == [(1, "1.9172"), (2, "0.2804"), (3, "0.3738")]


def test_s2_046_field_vector_of_a_hosted_sdc() -> None:
    """Total 1.00, P 0.50 for a unit and Ж 19 %: the rest of 0.50 is the base of Ж."""
    assert taxes(item("PЖ", "1.00"), rates=FIELD) == {"P": "0.5000", "Ж": "0.0798"}


@pytest.mark.parametrize(
    ("total", "expected"),
    # 100 % on the total takes one half of it: every odd ten-thousandth sits on the half.
    [("0.0003", "0.0002"), ("0.0001", "0.0001"), ("0.0002", "0.0001"), ("0.0005", "0.0003")],
)
def test_s2_055_half_is_rounded_up(total: str, expected: str) -> None:
    halves = group(category("HALF", TOTAL, 1, H="100"))
    assert taxes(item("H", total), rates=halves) == {"H": expected}


def test_s2_052_a_tax_item_carries_its_category() -> None:
    (tax,) = calculate_taxes([item("c")], EXAMPLES)
    assert tax == TaxItem("C", "STT", TOTAL, 2, Rate.of("3"), Money.of("0.2913"))


def test_s2_045_repeated_labels_count_once() -> None:
    assert taxes(item("AaA")) == taxes(item("A"))


def test_s2_041_an_item_without_labels_has_no_tax() -> None:
    assert taxes(item("")) == {}


def test_a_label_of_zero_per_cent_is_still_listed() -> None:
    assert taxes(item("Z"), rates=group(category("NONE", NET, 1, Z="0"))) == {"Z": "0.0000"}


def test_labels_are_compared_after_upper_casing_and_scripts_differ() -> None:
    cyrillic = group(category("VAT", NET, 1, Ж="19", А="1"))  # the second label is the Cyrillic А
    assert taxes(item("ж"), rates=cyrillic) == {"Ж": "1.5966"}
    with pytest.raises(Fault, match="TS-2001"):
        taxes(item("A"), rates=cyrillic)


def test_order_is_category_order_id_then_place_in_the_group() -> None:
    rates = group(category("LATE", NET, 9, B="1", A="2"), category("EARLY", NET, 2, D="3", C="4"))
    assert list(taxes(item("ABCD"), rates=rates)) == ["D", "C", "B", "A"]


def test_ts_2001_names_every_unknown_label() -> None:
    with pytest.raises(Fault, match="TS-2001") as refused:
        taxes(item("A"), item("AX"), item("Y"))
    assert refused.value.fields == (
        FieldFault("items[1].labels[1]", "unknown"),
        FieldFault("items[2].labels[0]", "unknown"),
    )


def test_a_known_label_after_an_unknown_one_is_still_known() -> None:
    with pytest.raises(Fault, match="TS-2001"):
        taxes(item("X"))
    assert taxes(item("A")) == {"A": "0.4762"}
    assert labels_missing(("A", "X", "b"), EXAMPLES) == (1,)


def test_ts_2004_a_group_with_one_label_in_two_categories_is_no_group() -> None:
    twice = group(category("ONE", NET, 1, A="5"), category("TWO", NET, 2, A="6"))
    with pytest.raises(Fault, match="TS-2004"):
        taxes(item("A"), rates=twice)


def test_many_different_label_sets_do_not_grow_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels come from outside, so the plans that are kept have a bound."""
    from tallystick.kernel import tax

    monkeypatch.setattr(tax, "_PLANS_KEPT", 3)
    rates = group(category("VAT", NET, 1, A="5", B="6", C="7", D="8"), group_id=99)
    for labels in ("A", "B", "C", "D", "AB", "AC", "AD", "BC"):
        assert taxes(item(labels), rates=rates)
        assert len(tax._planner_of(rates).plans) <= 3


def test_equal_groups_give_equal_taxes() -> None:
    again = group(*EXAMPLES.categories)
    assert again is not EXAMPLES
    assert hash(again) == hash(EXAMPLES)
    assert calculate_taxes([item("AB")], again) == calculate_taxes([item("AB")], EXAMPLES)
