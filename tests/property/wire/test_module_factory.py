"""The factory's wire: what is written is read again, and no bytes break a reader (S1-042, S1-058)."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import CardProtocol, FormFactor, Hardware, ModuleAlgorithm
from tallystick.kernel.fixed_point import Money
from tallystick.wire import module_factory as wire
from tallystick.wire.barcodes import code_128, data_matrix
from tallystick.wire.module_factory import DataGroup, ModuleStage, ModuleTells
from tallystick.wire.production_order import read_order

hardware = st.builds(
    Hardware,
    controller=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100),
    form_factor=st.sampled_from(FormFactor),
    protocols=st.frozensets(st.sampled_from(CardProtocol)),
    algorithms=st.frozensets(st.sampled_from(ModuleAlgorithm)),
)
numbers = st.one_of(st.just(""), st.from_regex(r"[A-Z0-9]{8}", fullmatch=True))


@given(st.builds(ModuleTells, hardware=hardware, stage=st.sampled_from(ModuleStage), number=numbers))
def test_what_a_module_tells_is_read_again(told: ModuleTells) -> None:
    assert ModuleTells.decode(told.encode()) == told


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for read in (ModuleTells.decode, wire.read_public_key, wire.read_bounds, wire.read_question):
        with suppress(Fault):  # any other exception fails the test
            read(data)


@given(st.integers(1, 2**2048 - 1), st.integers(0, 2**24 - 1))
def test_a_public_key_is_read_again(modulus: int, exponent: int) -> None:
    data = wire.write_public_key(modulus, exponent)
    assert (len(data), wire.read_public_key(data)) == (wire.TEMPLATE_BYTES, (modulus, exponent))


@given(st.sampled_from(DataGroup), st.binary(max_size=wire.CONTENT_BYTES_MAX - 1))
def test_blocks_fit_t_0_and_make_the_whole(group: DataGroup, value: bytes) -> None:
    blocks = list(wire.blocks_of(group, value))
    assert b"".join(data for _, _, data in blocks) == bytes((group,)) + value
    assert [p2 for _, p2, _ in blocks] == list(range(len(blocks)))
    assert [p1 for p1, _, _ in blocks] == [0] * (len(blocks) - 1) + [wire.LAST_BLOCK]
    assert max(len(data) for _, _, data in blocks) <= wire.BLOCK_BYTES


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader_of_orders(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_order(b"tin,business_name\n" + data, Money(1))
    assert caught.value.code == "TS-3068"


GOOD = "tin,business_name,location_name,address,district,city,limit,form\n"


@pytest.mark.parametrize(
    "line",
    [
        "100000001,Grocers,Shop,Main 1,North,City,10",
        ",Grocers,Shop,Main 1,North,City,10,card",
        "100000001,,Shop,Main 1,North,City,10,card",
        f"100000001,{'x' * 65},Shop,Main 1,North,City,10,card",
        "100000001,Gro\x07cers,Shop,Main 1,North,City,10,card",
        "100000001,Grocers,Shop,Main 1,North,City,0,card",
        "100000001,Grocers,Shop,Main 1,North,City,ten,card",
        "100000001,Grocers,Shop,Main 1,North,City,10,paper",
        '100000001,"Grocers,Shop,Main 1,North,City,10,card',
    ],
)
def test_ts_3068_a_wrong_line_is_named(line: str) -> None:
    with pytest.raises(Fault) as caught:
        read_order((GOOD + line).encode(), Money(1))
    assert caught.value.code == "TS-3068"
    assert "line 2" in caught.value.detail or "CSV" in caught.value.detail


def test_s1_047_an_order_says_form_and_limit_or_takes_the_usual_ones() -> None:
    text = GOOD + "100000001,Grocers,Shop,Main 1,North,City,,\n100000001,Grocers,Shop,Main 1,North,City,7.5,usb-key"
    first, second = read_order(text.encode(), Money.of(9))
    assert (first.limit, first.form_factor) == (Money.of(9), FormFactor.CARD)
    assert (second.limit, second.form_factor) == (Money.of("7.5"), FormFactor.USB_KEY)


@pytest.mark.parametrize("text", ["", "x" * 33, "Ж", "a\nb"])
def test_a_barcode_has_1_to_32_printable_characters(text: str) -> None:
    for write in (code_128, data_matrix):
        with pytest.raises(Fault):
            write(text)
