"""What stands on a receipt, from top to bottom, whatever prints it (wire: 5.7).

The journal as it is; the notice of a document that is not fiscal at double size; the codes before the closing title;
nothing of ours between the two titles.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.paper.rolls import JOURNAL_COLUMNS, Roll
from tallystick.paper.symbols import Codes, Symbol, symbols_of
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_answer import PrintedAnswer

DOUBLE = 2
_UNPRINTABLE = "\ufffd"
_NOTICES = frozenset(language.notice.strip() for language in LANGUAGES.values())


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
    """The receipt of an answer; raises ``TS-4020`` when the journal or a code does not fit on the paper."""
    lines = [_shown(line) for line in answer.journal.removesuffix("\r\n").split("\r\n")]
    if len(lines) < 2 or len(lines) > LIMITS.receipt_lines or max(map(len, lines)) > JOURNAL_COLUMNS:
        raise Fault("TS-4020", detail=f"a journal has 2 to {LIMITS.receipt_lines} lines of at most 40 columns")
    return Receipt(
        roll=roll,
        number=str(answer.number),
        lines=tuple(made for line in lines[:-1] for made in _lines(line)),
        symbols=symbols_of(answer.verification_url, roll, codes),
        closing=Line(lines[-1]),
    )


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
