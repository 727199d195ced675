"""Exact numbers: reading refuses what would be lost, rounding is half away from zero (S2-055, S2-064)."""

from decimal import Decimal

import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate, round_half_up


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(0, 3, 0), (1, 2, 1), (1, 3, 0), (2, 3, 1), (3, 2, 2), (5, 2, 3), (-1, 2, -1), (-1, 3, 0), (-5, 2, -3), (7, 1, 7)],
)
def test_s2_055_round_half_up(numerator: int, denominator: int, expected: int) -> None:
    assert round_half_up(numerator, denominator) == expected


@pytest.mark.parametrize(
    ("amount", "printed"),
    [("0.004", "0.00"), ("0.005", "0.01"), ("2.345", "2.35"), ("-2.345", "-2.35"), ("1408", "1408.00")],
)
def test_s2_064_two_decimals_for_the_journal(amount: str, printed: str) -> None:
    assert f"{Money.of(amount).rounded(2):f}" == printed


@pytest.mark.parametrize("places", [4, 5, 9])
def test_rounding_to_as_many_decimals_as_there_are_changes_nothing(places: int) -> None:
    assert f"{Money.of('68.4655').rounded(places):f}" == "68.4655"


def test_values_keep_their_decimals() -> None:
    assert Money.of("68.46").scaled == 684_600
    assert str(Money.of("68.46")) == "68.4600"
    assert str(Quantity.of("0.001")) == "0.001"
    assert str(Rate.of("19")) == "19.00000000"
    assert Money.of(Decimal("1E+3")) == Money(10_000_000)


@pytest.mark.parametrize("value", ["0.00001", "NaN", "Infinity", "-Infinity", "1E+999999", "1E-999999"])
def test_ts_2005_what_cannot_be_kept_exactly_is_refused(value: str) -> None:
    with pytest.raises(Fault, match="TS-2005"):
        Money.of(Decimal(value))


def test_more_digits_than_the_default_decimal_context_keeps() -> None:
    """28 digits are its limit; one more must not be lost silently."""
    assert Money.of("1000000000000000000000000.00010000000").scaled == 10**28 + 1
    assert str(Money(10**28 + 1)) == "1000000000000000000000000.0001"


def test_ts_2005_numbers_of_more_than_41_digits_are_not_taken() -> None:
    assert Money.of(Decimal("1E+40")).scaled == 10**44
    with pytest.raises(Fault, match="sensible size"):
        Money.of(Decimal("1E+41"))


@pytest.mark.parametrize("value", ["", "1,5", "ten", "0x10"])
def test_ts_2005_text_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(Fault, match="TS-2005"):
        Money.of(value)


def test_kinds_do_not_mix() -> None:
    assert Money(1) != Quantity(1)  # type: ignore[comparison-overlap]
    with pytest.raises(TypeError):
        assert Money(1) < Quantity(1)  # type: ignore[operator]


def test_arithmetic_is_exact() -> None:
    assert Money(1) + Money(2) == Money(3)
    assert Money(1) - Money(2) == -Money(1)
    assert Money(5) > Money(-5)
