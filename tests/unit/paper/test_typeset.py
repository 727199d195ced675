"""The PDF of a receipt: size, text in three scripts, codes as links, the same bytes each time."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zxingcpp
from journal_goldens import rendered
from PIL import Image
from receipt_values import paper_url

from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.paper.layout import Line, Receipt, lay_out
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.paper.typeset import receipt_pdf, text_png
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_answer import PrintedAnswer

NUMBER = SdcInvoiceNumber.parse("AB12CD34-ZZ99YYO0-7")


def of(tag: str = "sr-Cyrl-RS", roll: Roll = Roll.NARROW, kind: InvoiceType = InvoiceType.NORMAL) -> Receipt:
    journal = rendered(tag, kind, TransactionType.SALE)
    return lay_out(PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url()), roll, Codes.BOTH)


def tool(name: str, *arguments: str) -> bytes:
    """A program of Debian's poppler-utils; without it the test is skipped and says so."""
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here (Debian: apt-get install poppler-utils)")
    return subprocess.run([name, *arguments], check=True, capture_output=True, timeout=60).stdout


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "receipt.pdf"


@pytest.mark.parametrize("roll", Roll)
@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_line_can_be_read_back_from_the_page(tag: str, roll: Roll, saved: Path) -> None:
    receipt = of(tag, roll, InvoiceType.COPY)
    saved.write_bytes(receipt_pdf(receipt))
    text = tool("pdftotext", "-layout", str(saved), "-").decode()
    found = " ".join(text.split())
    for line in (*receipt.lines, receipt.closing):
        assert " ".join(line.text.split()) in found
    info = tool("pdfinfo", str(saved)).decode()
    assert f"Title:           {NUMBER}" in info
    assert "Pages:           1" in info
    width = float(info.split("Page size:")[1].split()[0])
    assert width == pytest.approx(int(roll) / 25.4 * 72, abs=0.1)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_fonts_are_inside(tag: str, saved: Path) -> None:
    saved.write_bytes(receipt_pdf(of(tag)))
    fonts = tool("pdffonts", str(saved)).decode().splitlines()[2:]
    assert fonts
    assert all("DejaVuSansMono" in font and " yes yes " in font for font in fonts)  # embedded and as a subset


@pytest.mark.parametrize("roll", Roll)
def test_k_10_both_codes_are_read_from_the_page_at_203_dpi(roll: Roll, saved: Path) -> None:
    receipt = of(roll=roll)
    saved.write_bytes(receipt_pdf(receipt))
    picture = Image.open(io.BytesIO(tool("pdftoppm", "-r", "203.2", "-gray", "-png", str(saved)))).convert("L")
    assert picture.width in range(int(roll) * 8 - 1, int(roll) * 8 + 2)
    found = {code.text: code for code in zxingcpp.read_barcodes(picture)}
    assert set(found) == {symbol.text for symbol in receipt.symbols}
    corners = found[paper_url()].position
    side_mm = (corners.top_right.x - corners.top_left.x) / 8
    assert 39.5 <= side_mm <= 50.5
    for symbol in receipt.symbols:
        assert symbol.text.encode() in saved.read_bytes() or _has_link(saved, symbol.text)


def _has_link(saved: Path, text: str) -> bool:
    """Links may stand in compressed objects; poppler lists them."""
    return text in tool("pdfinfo", "-url", str(saved)).decode()


def test_the_same_receipt_is_the_same_file() -> None:
    assert receipt_pdf(of()) == receipt_pdf(of())


def test_a_receipt_of_many_metres_is_set_on_pages(saved: Path) -> None:
    journal = "title\r\n" + "x\r\n" * 3_000 + "end\r\n"
    receipt = lay_out(
        PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url()), Roll.WIDE, Codes.LONG
    )
    saved.write_bytes(receipt_pdf(receipt))
    info = tool("pdfinfo", str(saved)).decode()
    assert int(info.split("Pages:")[1].split()[0]) in (3, 4)
    assert float(info.split("Page size:")[1].split()[2]) <= 14_400


@pytest.mark.parametrize("letters", ["ABCčćđšž", "АБВЂЉЊЋЏ", "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"])
def test_every_letter_has_a_shape_of_its_own(letters: str) -> None:
    """A font without a letter shows the same box for each."""
    shapes = {text_png((Line(letter),), Roll.WIDE) for letter in letters}
    assert len(shapes) == len(letters)


@pytest.mark.parametrize("roll", Roll)
def test_text_as_dots_is_as_wide_as_the_head(roll: Roll) -> None:
    picture = Image.open(io.BytesIO(text_png((Line("W" * 40), Line("x", doubled=True)), roll))).convert("L")
    assert picture.width == roll.dots
    first = picture.crop((0, 0, picture.width, picture.height // 3))
    left, _, right, _ = first.point([255] * 128 + [0] * 128).getbbox() or (0, 0, 0, 0)
    assert left < 4
    assert right > roll.dots - 6  # forty columns fill the line and do not wrap


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(PrintingAbsent, match=r"typst: install requirements/print\.txt"):
        receipt_pdf(of())
