"""The two rolls of receipt printers. A dot is an eighth of a millimetre (203 dpi)."""

from __future__ import annotations

from enum import IntEnum

DOTS_PER_MM = 8
JOURNAL_COLUMNS = 40


class Roll(IntEnum):
    """A roll by its width in millimetres."""

    NARROW = 58
    WIDE = 80

    @property
    def printable_mm(self) -> int:
        """What the head reaches; the rest stays white on both sides."""
        return 48 if self is Roll.NARROW else 72

    @property
    def dots(self) -> int:
        """Dots of one line: 384 or 576."""
        return self.printable_mm * DOTS_PER_MM

    @property
    def printer_font(self) -> int:
        """The printer's font in which the journal's 40 columns fit: B (9 dots wide) or A (12)."""
        return 1 if self is Roll.NARROW else 0

    @property
    def columns(self) -> int:
        """Columns of that font: 42 or 48."""
        return self.dots // (9 if self is Roll.NARROW else 12)
