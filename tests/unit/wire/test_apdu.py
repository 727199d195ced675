"""APDUs in every form that clients send, and log lines that never show a PIN."""

from __future__ import annotations

import pytest

from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import CommandApdu, ResponseApdu, StatusWord, describe, status_word_name

SELECT = "00A4040010A000000748464A492D546178436F7265"


@pytest.mark.parametrize(
    ("text", "data", "le"),
    [
        ("88080400", "", None),
        ("8808040000", "", 256),
        ("880804000C", "", 12),
        ("88040400000000", "", 65_536),
        ("8804040000FFFF", "", 65_535),
        ("880404000000", "", 256),
        (SELECT, "A000000748464A492D546178436F7265", None),
        (SELECT + "00", "A000000748464A492D546178436F7265", 256),
        ("881104000402000107", "02000107", None),
        ("8811040004020001070000", "02000107", 65_536),
        ("88110400040200010700000000"[:-2], "02000107", 65_536),
        ("88130400000004010203040000", "01020304", 65_536),
        ("881304000000040102030400", "01020304", 256),
        ("88130400000004010203040010", "01020304", 16),
    ],
)
def test_every_coding_of_lc_and_le_is_read(text: str, data: str, le: int | None) -> None:
    """S2 wire 7.1: Lc short or extended; Le absent, `00`, `00 00` or, after a missing Lc, `00 00 00`."""
    command = CommandApdu.parse(bytes.fromhex(text))
    assert command.data == bytes.fromhex(data)
    assert command.le == le


@pytest.mark.parametrize(
    "text", ["", "88", "881304", "8813040005010203", "881304000000050102", "88130400000000FFFF", "8813040001FF010203FF"]
)
def test_contradicting_lengths_are_a_coded_fault(text: str) -> None:
    with pytest.raises(Fault) as caught:
        CommandApdu.parse(bytes.fromhex(text))
    assert caught.value.code == "TS-1220"


def test_short_form_is_used_where_it_fits() -> None:
    assert CommandApdu(0x88, 0x08, 4, 0, le=256).encode().hex() == "8808040000"
    assert CommandApdu(0x88, 0x13, 4, 0, b"\1" * 255, 256).encode()[4] == 255
    assert CommandApdu(0x88, 0x20, 4, 0, b"\1" * 256).encode()[4:7] == b"\0\1\0"
    assert CommandApdu(0x88, 0x08, 4, 0, le=256).encode(extended=True).hex() == "88080400000100"
    assert CommandApdu(0x88, 0x08, 4, 0).encode(extended=True).hex() == "88080400"


def test_an_answer_without_a_status_word_is_a_coded_fault() -> None:
    assert ResponseApdu.parse(b"\1\2\x90\0") == ResponseApdu(b"\1\2", StatusWord.OK)
    with pytest.raises(Fault):
        ResponseApdu.parse(b"\x90")


@pytest.mark.parametrize("cla", ["88", "00", "0C", "FF"])
@pytest.mark.parametrize("ins", ["11", "20"])
@pytest.mark.parametrize("tail", ["0402000107", "000004020001070000", "04313233340000", "05020001", "31323334"])
def test_a_log_line_never_shows_a_pin(cla: str, ins: str, tail: str) -> None:
    """PIN data are covered whatever class, coding or damage the command has."""
    line = describe(bytes.fromhex(cla + ins + "0400" + tail)).replace(" ", "")
    for secret in ("02000107", "020001", "31323334"):
        assert secret not in line
    assert line.startswith(f"{cla}{ins}0400".upper())


def test_a_log_line_shows_what_is_no_secret() -> None:
    assert describe(bytes.fromhex("8808040000")) == "88 08 04 00 00"
    assert describe(b"\x88") == "88"
    assert describe(bytes.fromhex("88130400020102")) == "88 13 04 00 020102"


def test_status_words_have_names() -> None:
    assert status_word_name(0x6305) == "LIMIT_REACHED"
    assert status_word_name(0x63C3) == "PIN_WRONG_3_LEFT"
    assert status_word_name(0x1234) == "1234"
