"""Exact numbers: what goes in comes out, and no input makes anything but a value or a coded fault."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity, Rate, round_half_up

kinds = st.sampled_from([Money, Quantity, Rate])


@given(kinds, st.integers(-(10**30), 10**30))
def test_text_and_decimal_round_trip(kind: type[Money] | type[Quantity] | type[Rate], scaled: int) -> None:
    value = kind(scaled)
    assert kind.of(str(value)) == value
    assert kind.of(value.decimal) == value


@given(kinds, st.one_of(st.decimals(), st.text(max_size=20), st.integers()))
def test_any_input_is_a_value_or_a_coded_fault(
    kind: type[Money] | type[Quantity] | type[Rate], value: Decimal | str | int
) -> None:
    try:
        read = kind.of(value)
    except Fault as fault:
        refusal = fault.code
        assert refusal == "TS-2005"
    else:
        assert read.decimal == Decimal(value)


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_rounding_is_the_nearest_and_symmetrical(numerator: int, denominator: int) -> None:
    rounded = round_half_up(numerator, denominator)
    assert abs(2 * (rounded * denominator - numerator)) <= denominator
    assert round_half_up(-numerator, denominator) == -rounded
