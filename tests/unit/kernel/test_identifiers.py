"""Names of the TaxCore world: UID, TIN, SDC invoice number, manufacturer code (S2-011, S2-059)."""

import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import UINT32_MAX, SdcInvoiceNumber, is_mrc, parse_tin, parse_uid


@pytest.mark.parametrize("text", ["TL5SYCK1", "W6UBPZO0", "00000000"])
def test_s2_011_uid(text: str) -> None:
    assert parse_uid(text) == text


@pytest.mark.parametrize(
    "text", ["", "tl5syck1", "TL5SYCK", "TL5SYCK12", "TL5SYCK\n", "ТL5SYCK1", "TL5-YCK1", "TL5SYC١1"]
)
def test_s2_011_not_a_uid(text: str) -> None:
    with pytest.raises(Fault, match="TS-1313"):
        parse_uid(text)


@pytest.mark.parametrize("text", ["100181732", "1", "RS-100.181/732", "A" * 20])
def test_tin(text: str) -> None:
    assert parse_tin(text) == text


@pytest.mark.parametrize("text", ["", "A" * 21, " 1", "1\n", "Ћ", "-1", "١٢٣"])
def test_not_a_tin(text: str) -> None:
    with pytest.raises(Fault, match="TS-1313"):
        parse_tin(text)


def test_sdc_invoice_number_round_trip() -> None:
    number = SdcInvoiceNumber.parse("TL5SYCK1-W6UBPZO0-16")
    assert (number.requested_by, number.signed_by, number.ordinal) == ("TL5SYCK1", "W6UBPZO0", 16)
    assert str(number) == "TL5SYCK1-W6UBPZO0-16"
    assert SdcInvoiceNumber.parse(f"TL5SYCK1-TL5SYCK1-{UINT32_MAX}").ordinal == UINT32_MAX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TL5SYCK1-TL5SYCK1",
        "TL5SYCK1-TL5SYCK1-0",
        "TL5SYCK1-TL5SYCK1-016",
        "TL5SYCK1-TL5SYCK1--1",
        f"TL5SYCK1-TL5SYCK1-{UINT32_MAX + 1}",
        "TL5SYCK1-TL5SYCK1-1 ",
        "tl5syck1-TL5SYCK1-1",
    ],
)
def test_not_an_sdc_invoice_number(text: str) -> None:
    with pytest.raises(Fault, match="TS-1313"):
        SdcInvoiceNumber.parse(text)


@pytest.mark.parametrize("text", ["04-0020-ASDJKA1$DJL2A", "01-0001-TL5SYCK1", "01-0001-A-B", "01-0001-" + "x" * 32])
def test_mrc(text: str) -> None:
    assert is_mrc(text)


@pytest.mark.parametrize("text", ["", "0-0001-A", "01-001-A", "01-0001-", "01-0001-" + "x" * 33, "0100010001"])
def test_not_an_mrc(text: str) -> None:
    assert not is_mrc(text)
