"""APDU codec: every command comes back from its bytes, and no bytes make anything but a value or a coded fault."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.wire.apdu import CommandApdu, ResponseApdu, describe

byte = st.integers(0, 255)
commands = st.builds(
    CommandApdu, byte, byte, byte, byte, st.binary(max_size=600), st.none() | st.integers(1, 256) | st.just(65_536)
)


@given(commands, st.booleans())
def test_a_command_comes_back(command: CommandApdu, extended: bool) -> None:
    assert CommandApdu.parse(command.encode(extended=extended)) == command


@given(st.binary(max_size=1_500), st.integers(0, 65_535))
def test_an_answer_comes_back(data: bytes, status_word: int) -> None:
    answer = ResponseApdu(data, status_word)
    assert ResponseApdu.parse(answer.encode()) == answer


@given(st.binary(max_size=64))
@example(b"")
@example(b"\x88\x13\4\0\0\0\0\0")
def test_no_bytes_make_anything_but_a_value_or_a_coded_fault(raw: bytes) -> None:
    code = fault_code(lambda: CommandApdu.parse(raw))
    assert code in (None, "TS-1220")
    if code is None:
        command = CommandApdu.parse(raw)
        assert CommandApdu.parse(command.encode()) == command


@given(byte, st.sampled_from([0x11, 0x20]), st.text("0123456789", min_size=4, max_size=4), st.binary(max_size=3))
def test_a_pin_never_shows_in_a_log_line(cla: int, instruction: int, pin: str, behind: bytes) -> None:
    """Whatever the class and whatever follows: neither coding of the PIN is in the line."""
    for coded in (pin.encode(), bytes(map(int, pin))):
        raw = bytes((cla, instruction, 0xE0, 0xE0, len(coded))) + coded + behind
        line = describe(raw)
        assert coded.hex() not in line.replace(" ", "").lower()
        assert line == describe(raw[:5] + bytes(len(coded)) + behind), "the line does not depend on the PIN"
