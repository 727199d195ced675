"""Rates that may be published: every till can work with them, and no receipt of the past gets others (E-06, S2-054)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.device_commands import rate_change
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Rate
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.rate_publication import changes, require_in_order, require_sound
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup, group_at

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NET, PER_UNIT = TaxCategoryType.TAX_ON_NET, TaxCategoryType.AMOUNT_PER_QUANTITY


def group(number: int = 3, start: datetime = NOW + DAY, **rates: str) -> TaxRateGroup:
    made = tuple(TaxRate(label, Rate.of(rate)) for label, rate in (rates or {"A": "19"}).items())
    return TaxRateGroup(start, number, (TaxCategory("VAT", NET, 1, made),))


def category(**changed: object) -> TaxRateGroup:
    return attrs.evolve(group(), categories=(attrs.evolve(group().categories[0], **changed),))  # type: ignore[arg-type]


VAT = group().categories[0]
DEPOSIT = TaxCategory("Deposit", PER_UNIT, 2, (TaxRate("P", Rate.of("0.25")),))
UNSOUND = {
    "number 0": group(0),
    "number beyond 32 bits": group(2**31),
    "part of a second": group(start=NOW + timedelta(days=1, microseconds=1)),
    "no category": attrs.evolve(group(), categories=()),
    "no rate": category(rates=()),
    "order id that no card counts": category(order_id=6),
    "order id below nothing": category(order_id=-1),
    "order id twice": attrs.evolve(group(), categories=(VAT, attrs.evolve(DEPOSIT, order_id=1))),
    "name twice": attrs.evolve(group(), categories=(VAT, attrs.evolve(DEPOSIT, name="VAT"))),
    "label twice": attrs.evolve(group(), categories=(VAT, attrs.evolve(DEPOSIT, rates=VAT.rates))),
    "name of nothing": category(name=""),
    "name with a line feed": category(name="VAT\n"),
    "name too long": category(name="V" * 41),
    "label of two": category(rates=(TaxRate("AB", Rate.of(1)),)),
    "small label": category(rates=(TaxRate("a", Rate.of(1)),)),
    "blank label": category(rates=(TaxRate(" ", Rate.of(1)),)),
    "label that is a control": category(rates=(TaxRate("\x07", Rate.of(1)),)),
    "below nothing": category(rates=(TaxRate("A", Rate(-1)),)),
    "missing decimal point": group(A="1900"),
    "more decimals than a command has": group(A="0.00001"),
    "more labels than a command has": category(
        rates=tuple(TaxRate(chr(number), Rate.of(1)) for number in range(0x4E00, 0x4E00 + 65))
    ),
    "amount beyond a command": attrs.evolve(
        group(), categories=(attrs.evolve(DEPOSIT, rates=(TaxRate("P", Rate.of(10_000)),)),)
    ),
}


@pytest.mark.parametrize("wrong", UNSOUND.values(), ids=UNSOUND)
def test_ts_2010_what_no_till_could_work_with(wrong: TaxRateGroup) -> None:
    with pytest.raises(Fault, match="TS-2010"):
        require_sound(wrong, 5)


def test_sound_groups_pass() -> None:
    require_sound(attrs.evolve(group(), categories=(VAT, DEPOSIT)), 5)
    require_sound(category(rates=(TaxRate("Ж", Rate.of(0)), TaxRate("ა", Rate.of("1000")))), 5)
    require_sound(category(order_id=5, name="V" * 40), 5)


PUBLISHED = (group(1, NOW - 900 * DAY), group(2, NOW - DAY), group(4, NOW + 30 * DAY))
OUT_OF_ORDER = {
    "number that is taken": ([group(2, NOW + 40 * DAY)], []),
    "number below another": ([group(3, NOW + 40 * DAY)], []),
    "now": ([group(5, NOW)], [4]),
    "the past": ([group(5, NOW - DAY)], [4]),
    "the moment of an announced one": ([group(5, NOW + 30 * DAY)], []),
    "before an announced one": ([group(5, NOW + 20 * DAY)], []),
    "names one that does not matter": ([group(5, NOW + 40 * DAY)], [4]),
    "names one that is in force": ([group(5, NOW + 20 * DAY)], [2, 4]),
    "numbers that fall": ([group(6, NOW + 40 * DAY), group(5, NOW + 50 * DAY)], []),
    "beginnings that fall": ([group(5, NOW + 50 * DAY), group(6, NOW + 40 * DAY)], []),
    "two at once": ([group(5, NOW + 40 * DAY), group(6, NOW + 40 * DAY)], []),
}


@pytest.mark.parametrize(("wanted", "despite"), OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_ts_2011_what_contradicts_what_is_published(wanted: list[TaxRateGroup], despite: list[int]) -> None:
    with pytest.raises(Fault, match="TS-2011"):
        require_in_order(wanted, PUBLISHED, despite, NOW)


def test_what_is_in_order() -> None:
    require_in_order([group(5, NOW + 31 * DAY), group(6, NOW + 32 * DAY)], PUBLISHED, [], NOW)
    require_in_order([group(5, NOW + 30 * DAY)], PUBLISHED, [4], NOW)
    require_in_order([group(5, NOW + timedelta(seconds=1))], PUBLISHED, [4, 4], NOW)
    require_in_order(PUBLISHED, (), [], NOW)
    with pytest.raises(Fault, match="TS-2011"):
        require_in_order(PUBLISHED, (), [1], NOW)
    with pytest.raises(Fault, match="TS-2010"):
        require_in_order([], PUBLISHED, [], NOW)


DAYS = st.lists(st.integers(-4, 4), max_size=3)


@given(DAYS, DAYS, st.booleans())
def test_s2_054_no_moment_that_has_passed_ever_gets_other_rates(old: list[int], new: list[int], knows: bool) -> None:
    """And a new group holds until one that was published with it, or that somebody named."""
    published = [group(number, NOW + day * DAY) for number, day in enumerate(old, 1)]
    wanted = [group(number, NOW + day * DAY) for number, day in enumerate(sorted(new), len(old) + 1)]
    despite = {one.group_id for one in published if wanted and one.valid_from >= max(NOW, wanted[0].valid_from)}
    try:
        require_in_order(wanted, published, despite if knows else (), NOW)
    except Fault:
        return
    after = [*published, *wanted]
    for hours in range(-24 * 5, 24 * 5, 12):
        moment = NOW + timedelta(hours=hours)
        found = group_at(after, moment)
        if published and moment <= NOW:
            assert found == group_at(published, moment)
        if wanted and moment >= wanted[0].valid_from:
            assert found in wanted or (found is not None and knows and found.group_id in despite)


@given(st.lists(st.tuples(st.sampled_from("ABCЖა"), st.integers(0, 10**12)), min_size=1, unique_by=lambda one: one[0]))
def test_what_is_sound_can_be_said_to_a_register(rates: list[tuple[str, int]]) -> None:
    made = category(rates=tuple(TaxRate(label, Rate(scaled)) for label, scaled in rates))
    try:
        require_sound(made, 5)
    except Fault:
        return
    said = {label: Rate.of(rate) for label, rate in rate_change(made).labels.items()}
    assert said == {label: Rate(scaled) for label, scaled in rates}


def test_the_changes_are_those_against_what_is_in_force_just_before() -> None:
    before, other = group(1, NOW, A="9", B="0", C="5"), group(2, NOW + 3 * DAY, A="7")
    new = group(3, NOW + 2 * DAY, A="10.5", B="0", D="1")
    assert changes([before, other, new], new) == [
        "A: VAT 9 % on net -> VAT 10.5 % on net",
        "D: VAT 1 % on net, new",
        "C: VAT 5 % on net ends",
    ]
    assert changes([], before)[0] == "A: VAT 9 % on net, new"
