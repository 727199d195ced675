"""Texts as QR codes; the verification URL as GIF in black and white, level L, four pixels a module (S2-060, S2-061).

It has no quiet zone. Whoever prints or shows the image adds four modules around, readers need them.
"""

from __future__ import annotations

import io
from typing import Any

import zxingcpp
from PIL import Image

from tallystick.kernel.faults import Fault, FieldFault

PIXELS_PER_MODULE = 4
QUIET_ZONE_MODULES = 4
_CHARACTERS_MAX = 2_048  # version 33 of 40; a verification URL needs version 20 to 25

_PALETTE = [0, 0, 0, 255, 255, 255]
_TO_PALETTE = bytes(0 if level < 128 else 1 for level in range(256))
_GIF_89 = b"GIF89a"


def qr_matrix(url: str, level: str = "L", version: int | None = None) -> list[list[bool]]:
    """The modules row by row, dark is true; raises `TS-1220` for an empty text or one that is too long.

    ``level`` is one of L, M, Q, H; ``version`` the symbol's size where the smallest that holds the text is too small.
    """
    side, levels = _modules(url, level, version)
    return [[level == 0 for level in levels[start : start + side]] for start in range(0, side * side, side)]


def qr_gif(url: str) -> bytes:
    """The image of `qr_matrix` as GIF bytes; raises the same."""
    side, levels = _modules(url)
    image = Image.frombytes("P", (side, side), levels.translate(_TO_PALETTE))
    image.putpalette(_PALETTE)
    file = io.BytesIO()
    pixels = side * PIXELS_PER_MODULE
    image.resize((pixels, pixels), Image.Resampling.NEAREST).save(file, "GIF", optimize=False)
    return _GIF_89 + file.getvalue()[len(_GIF_89) :]


def _modules(url: str, level: str = "L", version: int | None = None) -> tuple[int, bytes]:
    """The side of the square and its levels row by row, 0 is dark.

    The text goes in as text: bytes would make the encoder announce binary data.
    """
    if not url or len(url) > _CHARACTERS_MAX or not url.isascii():
        raise Fault("TS-1220", detail="not a text for a QR code", fields=(FieldFault("/verificationUrl", "2"),))
    options: dict[str, Any] = {"ec_level": level} if version is None else {"ec_level": level, "version": version}
    try:
        symbol = zxingcpp.create_barcode(url, zxingcpp.BarcodeFormat.QRCode, **options)
    except ValueError as error:
        raise Fault("TS-1220", detail=str(error), fields=(FieldFault("/verificationUrl", "2"),)) from None
    image: Any = symbol.to_image(scale=1, add_hrt=False, add_quiet_zones=False)
    levels = memoryview(image)
    return len(levels), levels.tobytes()
