"""The mapping from dirty purchase data to sellable baskets, rule by rule."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.simulation.baskets import BasketSource, Line, MappingCounts, RawLine, find_data_folder, map_line
from tallystick.simulation.catalogue import CatalogueSource

LABELS = {"GROCERY": "A", "FUEL": "P"}


def mapped(
    quantity: int, value: str, department: str | None = "GROCERY", kind: str | None = "BREAD"
) -> tuple[Line | None, MappingCounts]:
    counts = MappingCounts()
    return map_line(RawLine(7, quantity, Decimal(value), department, kind), LABELS, "B", counts), counts


def test_line_without_quantity_and_value_is_dropped() -> None:
    line, counts = mapped(0, "0")
    assert line is None
    assert counts.lines_dropped_empty == 1


def test_quantity_zero_with_a_value_becomes_one() -> None:
    line, counts = mapped(0, "0.50")
    assert line is not None
    assert (line.quantity, line.unit_price, line.total) == (Decimal(1), Decimal("0.50"), Decimal("0.50"))
    assert counts.quantities_made_one == 1


def test_fuel_like_quantity_is_read_as_thousandths() -> None:
    line, counts = mapped(8385, "15.00", "FUEL", "GASOLINE-REG UNLEADED")
    assert line is not None
    assert (line.quantity, line.unit_price, line.label) == (Decimal("8.385"), Decimal("1.79"), "P")
    assert counts.quantities_fuel_like == 1


def test_value_is_rounded_half_up_to_cents() -> None:
    line, counts = mapped(1, "2.005")
    assert line is not None
    assert line.total == Decimal("2.01")
    assert counts.values_rounded == 1


def test_unknown_product_is_named_by_its_number() -> None:
    line, counts = mapped(1, "1.00", None, None)
    assert line is not None
    assert (line.name, line.label) == ("Item 7", "B")
    assert counts.unknown_products == 1


def test_the_data_set_is_accounted_for_basket_by_basket() -> None:
    folder = find_data_folder()
    if folder is None:
        pytest.skip("the purchase data could not be installed here")
    source = BasketSource(folder, LABELS, "A")
    store, expected = source.busiest_stores(400)[-1]
    counts = MappingCounts()
    baskets = list(source.baskets(store, counts))
    assert counts.baskets_read == expected
    assert counts.baskets_read == counts.baskets_sellable + counts.baskets_without_lines
    assert len(baskets) == counts.baskets_sellable
    assert counts.lines_read == counts.lines_dropped_empty + sum(len(basket.lines) for basket in baskets)
    assert all(line.quantity >= Decimal("0.001") and line.total >= 0 for basket in baskets for line in basket.lines)


def test_own_catalogue_is_the_same_each_time() -> None:
    first, second = (list(CatalogueSource(LABELS, "B").baskets(3, MappingCounts())) for _ in range(2))
    assert first == second
    assert len(first) == CatalogueSource(LABELS, "B").busiest_stores(3)[2][1]
