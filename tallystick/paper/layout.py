"""What stands on a receipt, from top to bottom, whatever prints it (wire: 5.7).

The journal as it is; the notice of a document that is not fiscal at double size; on the copy of a refund a line for the
buyer's signature; the codes before the closing title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.paper.rolls import JOURNAL_COLUMNS, Roll
from tallystick.paper.symbols import Codes, Symbol, symbols_of
from tallystick.wire.journal import LANGUAGES, type_line
from tallystick.wire.pos_answer import PrintedAnswer

DOUBLE = 2
_UNPRINTABLE = "\ufffd"
_NOTICES = frozenset(language.notice.strip() for language in LANGUAGES.values())
_SIGNATURE_ROOM_LINES = 2
_SIGNED_BY_BUYERS = {
    type_line(InvoiceType.COPY, TransactionType.REFUND, language): language.buyer_signature
    for language in LANGUAGES.values()
}


@attrs.frozen(slots=True)
class Line:
    """One line of at most 40 columns; a doubled one has at most 20, and stands centred."""

    text: str
    doubled: bool = False


@attrs.frozen(slots=True, kw_only=True)
class Receipt:
    """Everything on the paper: the lines before the codes, the codes, the closing title."""

    roll: Roll
    number: str
    lines: tuple[Line, ...]
    symbols: tuple[Symbol, ...]
    closing: Line

    @property
    def text(self) -> str:
        """All characters that must be shown."""
        return "".join(line.text for line in (*self.lines, self.closing))


def lay_out(answer: PrintedAnswer, roll: Roll, codes: Codes) -> Receipt:
    """The receipt of an answer; raises ``TS-4020`` when the journal or a code does not fit on the paper.

    A report of a register has no address, and no code.
    """
    lines = [_shown(line) for line in answer.journal.removesuffix("\r\n").split("\r\n")]
    if len(lines) < 2 or len(lines) > LIMITS.receipt_lines or max(map(len, lines)) > JOURNAL_COLUMNS:
        raise Fault("TS-4020", detail=f"a journal has 2 to {LIMITS.receipt_lines} lines of at most 40 columns")
    return Receipt(
        roll=roll,
        number=str(answer.number),
        lines=(*(made for line in lines[:-1] for made in _lines(line)), *_signature(lines)),
        symbols=symbols_of(answer.verification_url, roll, codes) if answer.verification_url else (),
        closing=Line(lines[-1]),
    )


def _signature(lines: Sequence[str]) -> Iterator[Line]:
    """Room and a line for the buyer's signature, where the journal is that of a refund's copy (wire: 5.1, line 34)."""
    label = next((_SIGNED_BY_BUYERS[line] for line in lines if line in _SIGNED_BY_BUYERS), None)
    if label is not None:
        yield from (Line("") for _ in range(_SIGNATURE_ROOM_LINES))
        yield Line(f"{label} ".ljust(JOURNAL_COLUMNS, "_"))


def _shown(text: str) -> str:
    """Nothing that a printer would obey or that nobody sees: no escape, no mark that turns the direction."""
    return text if text.isprintable() else "".join(one if one.isprintable() else _UNPRINTABLE for one in text)


def _lines(text: str) -> Iterator[Line]:
    """The line itself, or a notice broken at words to half the columns."""
    if text.strip() not in _NOTICES:
        yield Line(text)
        return
    row = ""
    for word in text.split():
        if row and len(row) + 1 + len(word) > JOURNAL_COLUMNS // DOUBLE:
            yield Line(row, doubled=True)
            row = ""
        row = f"{row} {word}" if row else word
    yield Line(row, doubled=True)
