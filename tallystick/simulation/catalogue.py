"""Baskets that the project makes itself, for machines on which the purchase data cannot be had.

Same seed, same baskets: shops of different size, a few hundred products, lines and prices drawn from simple laws.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tallystick.simulation.baskets import CENT, Basket, Line, MappingCounts

PRODUCTS_PER_DEPARTMENT = 40
BASKETS_OF_LARGEST_STORE = 4_000
_OPENED = datetime(2017, 1, 1, 8, 0, tzinfo=UTC)


class CatalogueSource:
    """Stores and baskets drawn from a seed; the same face as the real data."""

    def __init__(self, labels: Mapping[str, str], default_label: str, seed: int = 1) -> None:
        departments: Sequence[str] = sorted(labels) or ["GROCERY"]
        self._seed = seed
        self._labels = labels
        self._default_label = default_label
        self._products = [
            (department, number) for department in departments for number in range(PRODUCTS_PER_DEPARTMENT)
        ]

    def busiest_stores(self, stores: int) -> list[tuple[int, int]]:
        """Store number and basket count, most baskets first."""
        return [(1 + rank, max(BASKETS_OF_LARGEST_STORE * 10 // (10 + rank), 20)) for rank in range(stores)]

    def baskets(self, store_id: int, counts: MappingCounts) -> Iterator[Basket]:
        """The baskets of one store in order of time."""
        draw = random.Random(f"{self._seed}/{store_id}")  # noqa: S311 - a reproducible draw, nothing secret
        moment = _OPENED
        for number in range(max(BASKETS_OF_LARGEST_STORE * 10 // (9 + store_id), 20)):
            moment += timedelta(seconds=draw.randint(20, 900))
            lines = tuple(self._line(draw) for _ in range(min(1 + int(draw.expovariate(0.12)), 80)))
            counts.baskets_read += 1
            counts.baskets_sellable += 1
            counts.lines_read += len(lines)
            yield Basket(f"{store_id}-{number:06d}", store_id, moment, draw.randint(1, 2500), lines)

    def _line(self, draw: random.Random) -> Line:
        department, number = draw.choice(self._products)
        quantity = Decimal(draw.choice((1, 1, 1, 1, 2, 2, 3, 6)))
        price = Decimal(draw.randint(29, 1999)) / 100
        return Line(
            name=f"{department.title()} {number}",
            quantity=quantity.quantize(Decimal("0.001")),
            unit_price=price,
            label=self._labels.get(department, self._default_label),
            total=(price * quantity).quantize(CENT, rounding=ROUND_HALF_UP),
        )
