"""A receipt printer on paper of our own: obeys the few ESC/POS commands that we send and draws dots at 203 dpi.

It knows nothing of the writer. An unknown command, or a line that is too wide, is an error: a real printer would print
rubbish. Text is kept as text beside the picture, decoded by the code page that was selected.
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

# Numbers of Epson's manual for ESC t.
CODE_PAGES = {0: "cp437", 2: "cp850", 16: "cp1252", 17: "cp866", 18: "cp852", 34: "cp855", 45: "cp1250", 46: "cp1251"}
FONT_DOTS = {0: (12, 24), 1: (9, 17)}


@attrs.define
class Paper:
    """What came out: lines of text with their scale, pictures, and the order of both."""

    dots: int
    lines: list[tuple[str, int]] = attrs.field(factory=list)
    pictures: list[npt.NDArray[np.uint8]] = attrs.field(factory=list)
    order: list[str] = attrs.field(factory=list)
    code_page: str = ""
    cuts: int = 0

    @property
    def picture(self) -> npt.NDArray[np.uint8]:
        """All dots that were sent as dots, one under the other; 0 is dark."""
        return np.vstack(self.pictures)


def print_stream(stream: bytes, dots: int) -> Paper:
    """Obey a stream on a head of so many dots."""
    paper, at, font, scale, text = Paper(dots), 0, 0, 1, b""
    while at < len(stream):
        if stream[at] == 0x0A:
            decoded = text.decode(paper.code_page or "ascii")
            assert len(decoded) * FONT_DOTS[font][0] * scale <= dots, f"too wide: {decoded!r}"
            paper.lines.append((decoded, scale))
            paper.order.append("text")
            text, at = b"", at + 1
        elif stream[at] >= 0x20:
            text, at = text + stream[at : at + 1], at + 1
        else:
            command, argument = stream[at : at + 2], stream[at + 2 : at + 3]
            if command == b"\x1b@" or command == b"\x1c.":
                at += 2
            elif command == b"\x1bM":
                font, at = argument[0], at + 3
            elif command == b"\x1bt":
                paper.code_page, at = CODE_PAGES[argument[0]], at + 3
            elif command == b"\x1d!":
                assert argument in (b"\x00", b"\x11")
                scale, at = 1 + (argument[0] & 7), at + 3
            elif command == b"\x1bd":
                at += 3
            elif stream[at : at + 4] == b"\x1dVB\x00":
                paper.cuts, at = paper.cuts + 1, at + 4
            elif stream[at : at + 4] == b"\x1dv0\x00":
                assert not text, "an image in the middle of a line"
                width, height = (int.from_bytes(stream[at + 4 + part : at + 6 + part], "little") for part in (0, 2))
                assert width * 8 <= dots
                raw = stream[at + 8 : at + 8 + width * height]
                bits = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(height, width), axis=1)
                paper.pictures.append(((1 - bits) * 255).astype(np.uint8))
                paper.order.append("dots")
                at += 8 + width * height
            else:
                raise AssertionError(f"unknown command {stream[at : at + 4]!r} at {at}")
    assert not text, "a line without end"
    return paper
