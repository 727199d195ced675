"""What is printed for fiscal modules: the sheets of their visual data, and the letters with their PINs (S1-045).

Ten modules stand on a sheet of A4, each in its own size with marks to cut: a card as large as ID-1, a USB key as the
label on it. A letter is one page, to be folded twice and sealed; its PIN stands in a field of other digits that
nobody can read through the paper.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from importlib.resources import files
from typing import Any

import attrs

from tallystick.kernel.fiscal_module import FormFactor
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.typeset import bars_svg, fonts
from tallystick.wire.barcodes import CODE_128_QUIET_MODULES, code_128, data_matrix

MODULES_ON_A_SHEET = 10
_BAR_MM, _MATRIX_MM = 0.3, 0.5
_BAR_HEIGHT_MM = 9.0


@attrs.frozen(slots=True, kw_only=True)
class ModuleFace:
    """What stands on one module. ``place`` says to the person at the printer which blank it is for."""

    number: str
    form_factor: FormFactor
    valid_until: date
    place: str


@attrs.frozen(slots=True, kw_only=True, repr=False)
class PinLetter:
    """One letter; it never shows itself in a log."""

    number: str
    pin: str
    addressee: tuple[str, ...]
    place: str


def visual_sheets(faces: Sequence[ModuleFace], issuer: str, title: str, logo_svg: bytes | None = None) -> bytes:
    """The PDF of a batch's visual data, in the order given; the same content gives the same bytes."""
    content = {
        "title": title,
        "issuer": issuer,
        "logo": None if logo_svg is None else logo_svg.decode("utf-8"),
        "modules": [_face(face) for face in faces],
        "on_a_sheet": MODULES_ON_A_SHEET,
        "bar": _BAR_MM,
        "bar_height": _BAR_HEIGHT_MM,
        "quiet": CODE_128_QUIET_MODULES * _BAR_MM,
        "matrix": _MATRIX_MM,
    }
    return _compile("modules.typ", content)


def pin_letters(letters: Sequence[PinLetter], issuer: str, title: str) -> bytes:
    """The PDF of the letters, a page each, in the order given."""
    content = {
        "title": title,
        "issuer": issuer,
        "letters": [attrs.asdict(letter) for letter in letters],
    }
    return _compile("letters.typ", content)


def _face(face: ModuleFace) -> dict[str, Any]:
    bars, matrix = code_128(face.number), data_matrix(face.number)
    return {
        "number": face.number,
        "is_card": face.form_factor is FormFactor.CARD,
        "valid_until": f"{face.valid_until:%m/%Y}",
        "place": face.place,
        "bars": bars_svg(bars),
        "bars_width": len(bars[0]) * _BAR_MM,
        "matrix": bars_svg(matrix),
        "matrix_width": len(matrix) * _MATRIX_MM,
    }


def _compile(template: str, content: dict[str, Any]) -> bytes:
    try:
        import typst
    except ImportError:
        raise PrintingAbsent("typst") from None
    made = typst.compile(
        files(__package__).joinpath(template).read_bytes(),
        format="pdf",
        font_paths=fonts(),
        sys_inputs={"content": json.dumps(content, ensure_ascii=False)},
    )
    assert isinstance(made, bytes), "a PDF is one file"
    return made
