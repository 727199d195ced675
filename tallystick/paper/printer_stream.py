"""A receipt as the bytes of an ESC/POS printer: text in the printer's own letters, codes and other scripts as dots.

One code page serves the whole receipt, the first that has all its characters. Where none has, as for Georgian, the
text is sent as an image, too. The stream begins with a reset and ends with feed and cut.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence

from PIL import Image, ImageChops

from tallystick.paper.layout import Line, Receipt
from tallystick.paper.missing import PrintingAbsent
from tallystick.paper.rolls import JOURNAL_COLUMNS, Roll
from tallystick.paper.symbols import Symbol
from tallystick.paper.typeset import text_png

DEFAULT_PROFILE = "default"
# Code pages by the names of the printer database, the plain one first.
_CODE_PAGES = ("CP437", "CP852", "CP855", "CP866", "CP1250", "CP1251", "CP1252", "CP737", "CP857", "CP775")
_RESET, _NO_DOUBLE_BYTES = b"\x1b@", b"\x1c."
_FONT, _CODE_PAGE, _SIZE = b"\x1bM", b"\x1bt", b"\x1d!"
_DOUBLE, _SINGLE = b"\x11", b"\x00"
_FEED_AND_CUT = b"\x1bd\x04\x1dVB\x00"
_RASTER, _SHORT = b"\x1dv0\x00", struct.Struct("<H")
_STRIP_DOTS = 240
_LINES_AT_ONCE = 200
_DARK_BELOW = 150


def receipt_stream(receipt: Receipt, *, profile: str = DEFAULT_PROFILE, raster: bool = False) -> bytes:
    """The whole receipt; ``profile`` is a name of python-escpos' printer database, ``raster`` sends all as dots.

    Raises ``PrintingAbsent`` without the package, ``LookupError`` for a profile that the database does not have.
    """
    roll = receipt.roll
    page = None if raster else _code_page(receipt.text, _code_pages(profile))
    codes = [_raster(symbol_dots(symbol, roll)) for symbol in receipt.symbols]
    if page is not None:
        encoding, number = page
        begin = _FONT + bytes([roll.printer_font]) + _CODE_PAGE + bytes([number])
        text, closing = _text(receipt.lines, roll, encoding), _text((receipt.closing,), roll, encoding)
    else:
        begin, text, closing = b"", _drawn(receipt.lines, roll), _drawn((receipt.closing,), roll)
    return b"".join((_RESET, _NO_DOUBLE_BYTES, begin, text, *codes, closing, _FEED_AND_CUT))


def _code_pages(profile: str) -> Mapping[str, str]:
    """The printer's numbers of code pages by their names."""
    try:
        from escpos.capabilities import CAPABILITIES, get_profile  # type: ignore[import-untyped]  # escpos is not typed
    except ImportError:
        raise PrintingAbsent("python-escpos") from None
    if profile not in CAPABILITIES["profiles"]:
        raise LookupError(f"there is no printer profile {profile}")
    pages: Mapping[str, str] = get_profile(profile).get_code_pages()
    return pages


def _code_page(text: str, known: Mapping[str, str]) -> tuple[str, int] | None:
    """Encoding and number of the first code page of the printer that has every character."""
    for name in _CODE_PAGES:
        if name in known and _has_all(text, name):
            return name, int(known[name])
    return None


def _has_all(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _text(lines: Sequence[Line], roll: Roll, encoding: str) -> bytes:
    """Lines in the middle of the roll; doubled ones stand centred among half the columns."""
    margin = " " * ((roll.columns - JOURNAL_COLUMNS) // 2)
    parts = []
    for line in lines:
        if line.doubled:
            parts.append(
                _SIZE + _DOUBLE + line.text.center(roll.columns // 2).encode(encoding) + b"\n" + _SIZE + _SINGLE
            )
        else:
            parts.append((margin + line.text).encode(encoding) + b"\n")
    return b"".join(parts)


def _drawn(lines: Sequence[Line], roll: Roll) -> bytes:
    """Lines as dots, some at a time, so that neither we nor the printer hold a long receipt at once."""
    parts = (lines[start : start + _LINES_AT_ONCE] for start in range(0, len(lines), _LINES_AT_ONCE))
    return b"".join(_raster(_dots(text_png(part, roll))) for part in parts)


def _raster(image: Image.Image) -> bytes:
    """An image of black and white in strips that small printers can buffer (GS v 0); a set bit is a dark dot."""
    width_bytes, strips = image.width // 8, []
    for top in range(0, image.height, _STRIP_DOTS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_DOTS, image.height)))
        strips.append(_RASTER + _SHORT.pack(width_bytes) + _SHORT.pack(strip.height))
        strips.append(ImageChops.invert(strip).convert("1", dither=Image.Dither.NONE).tobytes())
    return b"".join(strips)


def symbol_dots(symbol: Symbol, roll: Roll) -> Image.Image:
    """A code in the middle of a strip as wide as the head, its quiet zone above and below."""
    side = len(symbol.modules)
    levels = bytes(0 if dark else 255 for row in symbol.modules for dark in row)
    code = Image.frombytes("L", (side, side), levels).resize((symbol.dots, symbol.dots), Image.Resampling.NEAREST)
    strip = Image.new("L", (roll.dots, symbol.dots + 2 * symbol.quiet_dots), 255)
    strip.paste(code, ((roll.dots - symbol.dots) // 2, symbol.quiet_dots))
    return strip


def _dots(png: bytes) -> Image.Image:
    """Grey levels as dots: thermal paper knows black and white only."""
    grey = Image.open(io.BytesIO(png)).convert("L")
    return grey.point([0 if level < _DARK_BELOW else 255 for level in range(256)])
