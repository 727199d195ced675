"""Whatever stands in a journal, it is printed or refused with a code, and never obeyed by a printer or a typesetter."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_printer import print_stream
from receipt_values import paper_url
from taxcore_values import only_faults

from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.paper.layout import Receipt, lay_out
from tallystick.paper.printer_stream import receipt_stream
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.paper.typeset import receipt_pdf
from tallystick.wire.pos_answer import PrintedAnswer

NUMBER = SdcInvoiceNumber.parse("AB12CD34-ZZ99YYO0-7")
TYPESETTER = ("#panic()", "$ x $", "`", "\\", "*bold*", '#image("/etc/passwd")')
PRINTER = ("\x1b@\x1dV\x00", "\ud800", "\u202e", "№ ₾ 漢")
text = (
    st.lists(st.sampled_from(TYPESETTER + PRINTER) | st.text(max_size=8), max_size=4)
    .map("".join)
    .map(lambda line: line[:40])
)
line = text.filter(lambda one: "\r" not in one)


def of(lines: list[str]) -> Receipt:
    journal = "".join(f"{one}\r\n" for one in lines)
    return lay_out(
        PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url()), Roll.NARROW, Codes.COMPACT
    )


@given(st.lists(line, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_lines_become_a_page_and_a_stream(lines: list[str]) -> None:
    receipt = of(lines)
    assert receipt_pdf(receipt).startswith(b"%PDF-")
    paper = print_stream(receipt_stream(receipt), 384)  # refuses commands that we do not send
    assert paper.cuts == 1
    if paper.lines:
        assert [shown[1:] for shown, _ in paper.lines] == [one.text for one in (*receipt.lines, receipt.closing)]


@given(st.text(max_size=200))
def test_any_journal_is_laid_out_or_refused(journal: str) -> None:
    with only_faults("TS-4020"):
        receipt = lay_out(
            PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url()), Roll.WIDE, Codes.COMPACT
        )
        assert receipt.text.isprintable()
