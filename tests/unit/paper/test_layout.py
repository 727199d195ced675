"""What stands on the paper: the journal as it is, the notice doubled, codes before the closing title (wire: 5.7)."""

from __future__ import annotations

import attrs
import pytest
from journal_goldens import PAIRS, name_of, rendered
from receipt_values import answer, paper_url

from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.paper.layout import lay_out
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_answer import PrintedAnswer, read_pos_answer

NUMBER = SdcInvoiceNumber.parse("AB12CD34-ZZ99YYO0-7")


def of(journal: str) -> PrintedAnswer:
    return PrintedAnswer(number=NUMBER, journal=journal, verification_url=paper_url())


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("pair", PAIRS, ids=[name_of(*pair) for pair in PAIRS])
def test_every_line_of_every_journal_stands_there_unchanged(
    pair: tuple[InvoiceType, TransactionType], tag: str
) -> None:
    journal = rendered(tag, *pair)
    receipt = lay_out(of(journal), Roll.NARROW, Codes.LONG)
    notice = LANGUAGES[tag].notice.strip()
    shown = [line.text for line in receipt.lines if not line.doubled]
    expected = journal.split("\r\n")[:-2]
    signature = [f"{LANGUAGES[tag].buyer_signature} ".ljust(40, "_")]
    added = ["", "", *signature] if pair == (InvoiceType.COPY, TransactionType.REFUND) else []
    assert shown == [line for line in expected if line.strip() != notice] + added
    assert receipt.closing.text == journal.split("\r\n")[-2]
    doubled = [line.text for line in receipt.lines if line.doubled]
    assert " ".join(doubled) == ("" if pair[0].is_fiscal else notice)
    assert all(len(line) <= 20 for line in doubled)


def test_what_a_printer_would_obey_is_never_passed_on() -> None:
    """ESC @ in a name, a mark that turns the direction, a zero-width blank: seen as what they are, not obeyed."""
    name = "\x1b@\x1dV\x00x\u202ey\u200b"
    receipt = lay_out(of(f"title\r\n{name}\r\nend\r\n"), Roll.WIDE, Codes.LONG)
    assert receipt.lines[1].text == "\ufffd@\ufffdV\ufffdx\ufffdy\ufffd"
    assert receipt.text.isprintable()


@pytest.mark.parametrize(
    "journal", ["one line\r\n", "title\r\n" + "x" * 41 + "\r\nend\r\n", "title\nend\n", "", "x\r\n" * 70_001]
)
def test_ts_4020_what_is_no_journal_is_not_printed(journal: str) -> None:
    with pytest.raises(Fault) as caught:
        lay_out(of(journal), Roll.WIDE, Codes.LONG)
    assert caught.value.code == "TS-4020"


def test_s0_096_receipts_look_alike_whatever_signed_them() -> None:
    """Nothing on paper tells how the document came to us: two answers differ where their journals and codes do."""
    first = lay_out(of(rendered("en-US", InvoiceType.NORMAL, TransactionType.SALE)), Roll.NARROW, Codes.BOTH)
    other = PrintedAnswer(number=NUMBER, journal=first.text, verification_url=paper_url("https://other.example/v/?vl="))
    again = lay_out(attrs.evolve(other, journal=of(rendered("en-US", *PAIRS[0])).journal), Roll.NARROW, Codes.BOTH)
    assert attrs.evolve(again, symbols=()) == attrs.evolve(first, symbols=())
    assert [len(symbol.modules) for symbol in again.symbols] == [len(symbol.modules) for symbol in first.symbols]


def test_a_real_answer_is_laid_out() -> None:
    receipt = lay_out(read_pos_answer(answer()), Roll.NARROW, Codes.BOTH)
    assert receipt.lines[0].text == LANGUAGES["sr-Cyrl-RS"].fiscal_title
    assert receipt.closing.text == LANGUAGES["sr-Cyrl-RS"].fiscal_end
    assert len(receipt.symbols) == 2
