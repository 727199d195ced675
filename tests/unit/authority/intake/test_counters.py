"""The watch over a card's counters (TS-1405)."""

from __future__ import annotations

import attrs
import pytest

from tallystick.authority.intake.counters import CounterWatch
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.wire.card import CategoryTotal, InternalData


def counters(total: int, sales: int = 100, **changes: object) -> InternalData:
    """The counters of a card after so many invoices."""
    data = InternalData(
        uid="ABCD1234",
        time_ms=0,
        total_counter=total,
        type_counters=(total, *[0] * 9),
        sales=Money(sales),
        refunds=Money(0),
        unaudited=Money(0),
        limit=Money(0),
        audit_sequence=0,
        categories=(CategoryTotal(1, Money(sales // 10), Money(0)),),
    )
    return attrs.evolve(data, **changes)  # type: ignore[arg-type]  # a test changes what it likes


def test_rising_counters_in_any_order_are_fine() -> None:
    watch = CounterWatch()
    for total in (5, 6, 4, 9, 1, 9):
        watch.check(counters(total, sales=total * 100))


@pytest.mark.parametrize(
    ("total", "sales"),
    [(11, 999), (9, 1001)],
    ids=["newer with less", "older with more"],
)
def test_a_sum_that_contradicts_the_order_is_seen(total: int, sales: int) -> None:
    watch = CounterWatch()
    watch.check(counters(10, sales=1000))
    with pytest.raises(Fault, match="TS-1405"):
        watch.check(counters(total, sales=sales))


def test_a_category_total_that_falls_is_seen() -> None:
    watch = CounterWatch()
    watch.check(counters(10))
    with pytest.raises(Fault, match="TS-1405"):
        watch.check(counters(11, categories=(CategoryTotal(1, Money(9), Money(0)),)))


def test_other_cards_and_other_lengths_say_nothing() -> None:
    watch = CounterWatch()
    watch.check(counters(10))
    watch.check(counters(11, sales=0, uid="WXYZ9876"))
    watch.check(counters(11, sales=0, categories=()))


def test_memory_is_bounded() -> None:
    watch = CounterWatch(cards_kept=3)
    for number in range(10):
        watch.check(counters(5, uid=f"CARD{number:04d}"))
    assert len(watch._newest) == 3
