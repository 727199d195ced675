"""The number of a module as bars and as a matrix: Code 128 (ISO/IEC 15417) and Data Matrix (ISO/IEC 16022; S1-045).

Neither has a quiet zone: whoever prints leaves ten modules white beside the bars and one around the matrix.
"""

from __future__ import annotations

from typing import Any

import zxingcpp

from tallystick.kernel.faults import Fault, FieldFault

CODE_128_QUIET_MODULES = 10
DATA_MATRIX_QUIET_MODULES = 1
CHARACTERS_MAX = 32


def code_128(text: str) -> list[list[bool]]:
    """One row of modules, dark is true; raises ``TS-1220`` for an empty text, a long one, or one beyond ASCII."""
    return _rows(text, zxingcpp.BarcodeFormat.Code128)[:1]


def data_matrix(text: str) -> list[list[bool]]:
    """The modules row by row, dark is true; raises the same."""
    return _rows(text, zxingcpp.BarcodeFormat.DataMatrix)


def _rows(text: str, kind: zxingcpp.BarcodeFormat) -> list[list[bool]]:
    if not 1 <= len(text) <= CHARACTERS_MAX or not text.isascii() or not text.isprintable():
        raise Fault("TS-1220", detail="not a text for a barcode", fields=(FieldFault("/text", "5"),))
    symbol = zxingcpp.create_barcode(text, kind)
    image: Any = symbol.to_image(scale=1, add_hrt=False, add_quiet_zones=False)
    levels = memoryview(image)
    height, flat = len(levels), levels.tobytes()
    width = len(flat) // height
    return [[level == 0 for level in flat[row * width : (row + 1) * width]] for row in range(height)]
