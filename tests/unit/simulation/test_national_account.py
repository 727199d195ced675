"""The account of national devices: each document is in the ledger, apart, waiting or lost; and lost is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tallystick.simulation.baskets import Basket, Line
from tallystick.simulation.national.account import (
    DeviceAccount,
    DeviceEvidence,
    DevicePlaces,
    device_lines,
    judge_device,
)
from tallystick.simulation.national.plans import COMPANY, PLANS
from tallystick.simulation.national.register_client import sell_order

PLACES = DevicePlaces(plan=PLANS[4], folder=Path("device"), book=Path("book"))
ALL = frozenset(range(1, 10))
NONE = frozenset[int]()
GOOD = DeviceEvidence(made=ALL, waiting=NONE, told=8, highest_in_ledger=9, missing=NONE, apart=NONE)


def figures(account: DeviceAccount) -> tuple[int, int, int, int, int]:
    return account.made, account.arrived, account.apart, account.waiting, account.lost


def test_everything_has_arrived() -> None:
    account = judge_device(PLACES, GOOD)
    assert figures(account) == (9, 9, 0, 0, 0)
    assert account.is_whole


def test_what_the_memory_holds_waits_and_what_officers_have_not_decided_is_apart() -> None:
    found = attrs.evolve(GOOD, missing=frozenset({7, 8, 9}), waiting=frozenset({9}), apart=frozenset({7, 8, 9}))
    account = judge_device(PLACES, found)
    assert figures(account) == (9, 6, 3, 0, 0)
    assert account.is_whole, "what is kept apart is where it belongs"
    account = judge_device(PLACES, attrs.evolve(found, apart=frozenset({7, 8})))
    assert figures(account) == (9, 6, 2, 1, 0)
    assert not account.is_whole
    assert account.nothing_lost


def test_what_the_device_takes_for_delivered_and_nobody_has_is_lost() -> None:
    account = judge_device(PLACES, attrs.evolve(GOOD, missing=frozenset({9})))
    assert figures(account) == (9, 8, 0, 0, 1)
    assert not account.nothing_lost


def test_a_document_that_only_till_or_ledger_know_is_a_contradiction() -> None:
    for found in (attrs.evolve(GOOD, told=10, missing=frozenset({10})), attrs.evolve(GOOD, highest_in_ledger=10)):
        account = judge_device(PLACES, found)
        assert account.contradiction
        assert not account.nothing_lost
    broken = judge_device(PLACES, attrs.evolve(GOOD, breaks=("chain",)))
    assert not broken.nothing_lost
    assert "chain" in "\n".join(device_lines([broken]))


numbers = st.frozensets(st.integers(1, 30), max_size=30)


@given(made=numbers, waiting=numbers, told=st.integers(0, 30), missing=numbers, apart=numbers)
def test_each_document_stands_in_one_column(
    made: frozenset[int], waiting: frozenset[int], told: int, missing: frozenset[int], apart: frozenset[int]
) -> None:
    highest = max(*made, told, 0, 0)
    found = DeviceEvidence(
        made=made,
        waiting=waiting,
        told=told,
        highest_in_ledger=0,
        missing=frozenset(one for one in missing if one <= highest),
        apart=apart,
    )
    account = judge_device(PLACES, found)
    assert account.made == account.arrived + account.apart + account.waiting + account.lost == highest
    assert min(figures(account)) >= 0


def test_one_company_sells_on_every_channel() -> None:
    """The owner of the first shops with cards has a register on line, a truck and an ERP as well."""
    owned = {plan.device_class.word for plan in PLANS if (plan.seller.tin, plan.seller.business_name) == COMPANY}
    assert owned == {"software", "hardware", "erp"}


def basket(*lines: Line) -> Basket:
    return Basket("b-1", 1, datetime(2017, 1, 1, tzinfo=UTC), 3, lines)


def test_a_line_that_the_price_does_not_give_is_sold_as_one_piece() -> None:
    three = Line("Tea", Decimal("3.000"), Decimal("0.33"), "A", Decimal("1.00"))
    two = Line("Milk", Decimal("2.000"), Decimal("0.85"), "A", Decimal("1.70"))
    order = sell_order(basket(three, two), "Ana")
    assert order is not None
    assert [(one["quantity"], one["price"]) for one in order["lines"]] == [("1", "1.00"), ("2.000", "0.85")]
    assert order["payments"] == [{"kind": "cash", "amount": "2.70"}]
    assert sell_order(basket(attrs.evolve(two, total=Decimal("0.00"))), "Ana") is None
