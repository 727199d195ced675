"""A receipt set by typst: as PDF, or as the dots of text in scripts for which a printer has no letters.

The one font is DejaVu Sans Mono, which comes with typst: Latin, Cyrillic, Greek, Armenian and Georgian in columns of
one width. The fonts of the machine are not looked at, so the same answer gives the same file everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tallystick.paper.layout import Line, Receipt
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.rolls import DOTS_PER_MM, Roll
from tallystick.paper.symbols import Symbol

if TYPE_CHECKING:
    from typst import Fonts

_DOTS_PER_INCH = DOTS_PER_MM * 25.4
_END_MM = 4
_LINES_ON_A_PAGE = 1_000
_PAGE_MM_MAX = 5_000  # what readers of PDF take: 14,400 points


def receipt_pdf(receipt: Receipt) -> bytes:
    """One page as wide as the roll and as long as the receipt; each code is a link as well.

    More than a thousand lines are set on pages of five metres, because readers take no longer ones.
    """
    roll = receipt.roll
    content = {
        "number": receipt.number,
        "width": int(roll),
        "margin": (int(roll) - roll.printable_mm) / 2,
        "ends": _END_MM,
        "height": None if len(receipt.lines) <= _LINES_ON_A_PAGE else _PAGE_MM_MAX,
        "lines": _lines(receipt.lines),
        "symbols": [_symbol(symbol) for symbol in receipt.symbols],
        "closing": receipt.closing.text,
    }
    return _compile(content | {"printable": roll.printable_mm}, "pdf")


def text_png(lines: Sequence[Line], roll: Roll) -> bytes:
    """Lines as a PNG of exactly the printer's dots, grey where the letters' edges are."""
    content = {
        "number": "",
        "width": roll.printable_mm,
        "printable": roll.printable_mm,
        "margin": 0,
        "ends": 0,
        "height": None,
        "lines": _lines(lines),
        "symbols": [],
        "closing": None,
    }
    return _compile(content, "png")


def _compile(content: dict[str, Any], form: str) -> bytes:
    try:
        import typst
    except ImportError:
        raise PrintingAbsent("typst") from None
    made = typst.compile(
        files(__package__).joinpath("receipt.typ").read_bytes(),
        format="pdf" if form == "pdf" else "png",
        ppi=_DOTS_PER_INCH,
        font_paths=fonts(),
        sys_inputs={"receipt": json.dumps(content, ensure_ascii=False)},
    )
    assert isinstance(made, bytes), "a receipt is one page"
    return made


@cache
def fonts() -> Fonts:
    """The fonts that come with typst, and no other."""
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _lines(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [{"text": line.text, "doubled": line.doubled} for line in lines]


def _symbol(symbol: Symbol) -> dict[str, Any]:
    return {
        "text": symbol.text,
        "svg": symbol_svg(symbol),
        "side": symbol.dots / DOTS_PER_MM,
        "quiet": symbol.quiet_dots / DOTS_PER_MM,
    }


def symbol_svg(symbol: Symbol) -> str:
    """The modules as one path of horizontal bars, a unit a module."""
    return bars_svg(symbol.modules)


def bars_svg(rows: Sequence[Sequence[bool]]) -> str:
    """Modules row by row, dark is true, as one path of horizontal bars, a unit a module; stretched to any size."""
    bars = []
    for row, modules in enumerate(rows):
        column = 0
        while column < len(modules):
            start = column
            while column < len(modules) and modules[column]:
                column += 1
            if column > start:
                bars.append(f"M{start} {row}h{column - start}v1h{start - column}z")
            column += 1
    box = f'viewBox="0 0 {len(rows[0])} {len(rows)}" preserveAspectRatio="none" shape-rendering="crispEdges"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}><path d="{"".join(bars)}"/></svg>'
