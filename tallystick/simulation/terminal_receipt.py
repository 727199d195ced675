"""One receipt for people at a terminal: the journal as text, and its QR code where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tallystick.wire.qr import qr_gif, qr_matrix

QUIET_MODULES = 4
_HALVES = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}


def qr_lines(matrix: Sequence[Sequence[bool]]) -> list[str]:
    """The code as half blocks, light on dark terminals and dark on light ones alike: two modules a character.

    The quiet zone of four modules is part of it. Width in columns = modules + 8.
    """
    width = len(matrix[0]) + 2 * QUIET_MODULES
    blank = [False] * width
    rows = [blank] * QUIET_MODULES
    rows += [[False] * QUIET_MODULES + [bool(cell) for cell in row] + [False] * QUIET_MODULES for row in matrix]
    rows += [blank] * QUIET_MODULES
    if len(rows) % 2:
        rows.append(blank)
    return ["".join(_HALVES[pair] for pair in zip(rows[i], rows[i + 1], strict=True)) for i in range(0, len(rows), 2)]


def receipt_text(journal: str, url: str, columns: int, picture: Path) -> str:
    """The receipt with its code, or with the path of a picture and the link where the terminal is narrower.

    The picture is written in both cases.
    """
    picture.write_bytes(qr_gif(url))
    lines = qr_lines(qr_matrix(url))
    text = journal.replace("\r\n", "\n").rstrip("\n")
    if columns >= len(lines[0]):
        body, _, last = text.rpartition("\n")
        return "\n".join([body, *lines, last])
    return f"{text}\n\nQR code: {picture}\nLink: {url}"
