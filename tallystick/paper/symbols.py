"""The two codes of a receipt as modules and dots: how large each is printed (S2-061, K-10).

The long code holds the verification URL at level L. It stands between 40 and 50 mm wide, with 4 dots a module where
that fits and never fewer than 3: a smaller symbol is made in version 23, which has 40.9 mm at 3 dots. The compact code
stands at level Q with 5 dots a module.
"""

from __future__ import annotations

from enum import StrEnum

import attrs

from tallystick.kernel.faults import Fault
from tallystick.paper.rolls import DOTS_PER_MM, Roll
from tallystick.wire.compact_proof import compact_link
from tallystick.wire.qr import QUIET_ZONE_MODULES, qr_matrix

LONG_LEVEL, COMPACT_LEVEL = "L", "Q"
LONG_MM_MIN, LONG_MM_MAX = 40, 50
_LONG_DOTS = (4, 3)
_COMPACT_DOTS = 5
_PADDED_VERSION = 23


class Codes(StrEnum):
    """Which codes a receipt carries."""

    LONG = "long"
    COMPACT = "compact"
    BOTH = "both"


@attrs.frozen(slots=True)
class Symbol:
    """A code to print: its text, its modules row by row (dark is true), and the dots of a module's side."""

    text: str
    modules: tuple[tuple[bool, ...], ...]
    dots_per_module: int

    @property
    def dots(self) -> int:
        """The side of the symbol without quiet zone."""
        return len(self.modules) * self.dots_per_module

    @property
    def quiet_dots(self) -> int:
        """What must stay white around it."""
        return QUIET_ZONE_MODULES * self.dots_per_module


def symbols_of(verification_url: str, roll: Roll, codes: Codes) -> tuple[Symbol, ...]:
    """The codes in their order on paper; raises ``TS-4020`` where the roll is too narrow, ``TS-1220`` for a bad URL."""
    found = []
    if codes in (Codes.LONG, Codes.BOTH):
        found.append(long_symbol(verification_url, roll))
    if codes in (Codes.COMPACT, Codes.BOTH):
        found.append(_symbol(compact_link(verification_url), COMPACT_LEVEL, _COMPACT_DOTS))
    return tuple(found)


def long_symbol(url: str, roll: Roll) -> Symbol:
    """The code of the verification URL, as large as law and roll allow."""
    widest = min(LONG_MM_MAX * DOTS_PER_MM, roll.dots)
    for dots in _LONG_DOTS:
        symbol = _symbol(url, LONG_LEVEL, dots)
        if dots == min(_LONG_DOTS) and symbol.dots < LONG_MM_MIN * DOTS_PER_MM:
            symbol = _symbol(url, LONG_LEVEL, dots, _PADDED_VERSION)
        if LONG_MM_MIN * DOTS_PER_MM <= symbol.dots <= widest:
            return symbol
    raise Fault("TS-4020", detail=f"a verification URL of {len(url)} characters needs wider paper than {roll} mm")


def _symbol(text: str, level: str, dots: int, version: int | None = None) -> Symbol:
    return Symbol(text, tuple(map(tuple, qr_matrix(text, level, version))), dots)
