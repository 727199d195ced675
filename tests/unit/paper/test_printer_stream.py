"""The bytes of a receipt printer, obeyed by a printer of our own: text, code pages, dots, cut."""

from __future__ import annotations

import sys

import pytest
import zxingcpp
from journal_goldens import PAIRS, name_of, rendered
from receipt_printer import print_stream
from receipt_values import paper_url

from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.paper.layout import Receipt, lay_out
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.printer_stream import receipt_stream
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_answer import PrintedAnswer

NUMBER = SdcInvoiceNumber.parse("AB12CD34-ZZ99YYO0-7")
SALE = (InvoiceType.NORMAL, TransactionType.SALE)


def of(journal: str, roll: Roll = Roll.NARROW, codes: Codes = Codes.BOTH) -> Receipt:
    return lay_out(PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url()), roll, codes)


def in_one_script(tag: str, pair: tuple[InvoiceType, TransactionType]) -> str:
    """The golden journal without the letters of other scripts."""
    text = rendered(tag, *pair).replace("ხაჭაპური", "pizza   ")
    cyrillic = "АБВГДЂЕЖЗИЈКЛЉМНЊОПРСТЋУФХЦЧЏШабвгдђежзијклљмнњопрстћуфхцчџш"
    return text if tag == "sr-Cyrl-RS" else text.translate({ord(letter): "x" for letter in cyrillic})


@pytest.mark.parametrize(("tag", "page"), [("sr-Cyrl-RS", "cp855"), ("sr-Latn-RS", "cp852"), ("en-US", "cp437")])
@pytest.mark.parametrize("pair", PAIRS, ids=[name_of(*pair) for pair in PAIRS])
@pytest.mark.parametrize("roll", Roll)
def test_text_comes_out_in_the_right_code_page(
    tag: str, page: str, pair: tuple[InvoiceType, TransactionType], roll: Roll
) -> None:
    journal = in_one_script(tag, pair)
    paper = print_stream(receipt_stream(of(journal, roll)), roll.dots)
    assert (paper.code_page, paper.cuts) == (page, 1)
    margin = {Roll.NARROW: 1, Roll.WIDE: 4}[roll]
    single = [text[margin:] for text, scale in paper.lines if scale == 1]
    doubled = [text.strip() for text, scale in paper.lines if scale == 2]
    expected = journal.split("\r\n")[:-1]
    printed = [line for line in expected if line.strip() != " ".join(doubled)]
    if pair == (InvoiceType.COPY, TransactionType.REFUND):  # the line for the buyer's signature, no part of the journal
        label = LANGUAGES[tag].buyer_signature
        printed[-1:-1] = ["", "", f"{label} ".ljust(40, "_")]
    assert single == printed
    assert bool(doubled) is not pair[0].is_fiscal


@pytest.mark.parametrize("roll", Roll)
def test_the_codes_stand_before_the_closing_title(roll: Roll) -> None:
    paper = print_stream(receipt_stream(of(in_one_script("en-US", SALE), roll)), roll.dots)
    assert paper.order[-1] == "text"
    dots = [place for place, kind in enumerate(paper.order) if kind == "dots"]
    assert dots == list(range(len(paper.order) - 1 - len(dots), len(paper.order) - 1))
    assert {picture.shape[1] for picture in paper.pictures} == {roll.dots}
    assert max(picture.shape[0] for picture in paper.pictures) <= 240
    assert [found.text[:8] for found in zxingcpp.read_barcodes(paper.picture)] == ["https://", "HTTPS://"]


@pytest.mark.parametrize("roll", Roll)
def test_a_script_that_no_code_page_has_is_sent_as_dots(roll: Roll) -> None:
    """Georgian: no text command at all, and ink where letters are."""
    receipt = of(rendered("ka-GE", *SALE), roll)
    paper = print_stream(receipt_stream(receipt), roll.dots)
    assert paper.lines == []
    text = paper.picture[: -sum(symbol.dots + 2 * symbol.quiet_dots for symbol in receipt.symbols) - 30]
    assert text.shape[1] == roll.dots
    assert 0.03 < (text == 0).mean() < 0.25
    line_dots = text.shape[0] / len(receipt.lines)
    assert line_dots > 15


def test_dots_can_be_asked_for() -> None:
    paper = print_stream(receipt_stream(of(in_one_script("en-US", SALE)), raster=True), 384)
    assert paper.lines == []
    assert set(paper.order) == {"dots"}


def test_a_long_receipt_is_drawn_in_parts() -> None:
    journal = "title\r\n" + "ქ\r\n" * 450 + "end\r\n"
    paper = print_stream(receipt_stream(of(journal, codes=Codes.COMPACT)), 384)
    ink = (paper.picture == 0).any(axis=1)
    rows_with_ink = int((ink[1:] & ~ink[:-1]).sum())
    assert rows_with_ink >= 450


def test_another_printer_has_other_code_pages() -> None:
    journal = in_one_script("sr-Cyrl-RS", SALE)
    assert print_stream(receipt_stream(of(journal), profile="simple"), 384).lines == []  # knows one page only
    with pytest.raises(LookupError, match="no printer profile nothing"):
        receipt_stream(of(journal), profile="nothing")


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("escpos", "escpos.capabilities"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PrintingAbsent, match=r"python-escpos: install requirements/print\.txt"):
        receipt_stream(of(in_one_script("en-US", SALE)))
