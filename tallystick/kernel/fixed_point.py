"""Exact decimal values as scaled integers: money, quantity and rate. Never a float."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import ClassVar, Self

import attrs

from tallystick.kernel.faults import Fault

_EXACT = Context(prec=64, traps=[Inexact, InvalidOperation])
"""Moves the decimal point of any number that we take without a loss; the default context would round at 28 digits."""

_DIGITS_MAX = 40


def round_half_up(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded to the nearest integer, halves away from zero (S2-055).

    ``denominator`` must be positive.
    """
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((-2 * numerator + denominator) // (2 * denominator))


@attrs.frozen(slots=True, order=True)
class FixedPoint:
    """A number stored as an integer count of ``10 ** -places`` units."""

    places: ClassVar[int] = 0

    scaled: int

    @classmethod
    def of(cls, value: Decimal | int | str) -> Self:
        """Read an exact decimal; raises ``TS-2005`` when it is not finite or has more than ``places`` decimals."""
        try:
            number = value if isinstance(value, Decimal) else Decimal(value)
            if not number.is_finite() or abs(number.adjusted()) > _DIGITS_MAX:
                raise Fault("TS-2005", detail="not a finite number of a sensible size")
            scaled = number.scaleb(cls.places, _EXACT)
        except (InvalidOperation, Inexact):
            raise Fault("TS-2005", detail="not a number that can be kept exactly") from None
        whole = int(scaled)
        if whole != scaled:
            raise Fault("TS-2005", detail=f"more than {cls.places} decimals")
        return cls(whole)

    @property
    def decimal(self) -> Decimal:
        """The value as a decimal with exactly ``places`` decimals."""
        return Decimal(self.scaled).scaleb(-self.places, _EXACT)

    def rounded(self, places: int) -> Decimal:
        """The value rounded half up to ``places`` decimals (S2-064)."""
        shift = 10 ** max(self.places - places, 0)
        return Decimal(round_half_up(self.scaled, shift)).scaleb(-min(places, self.places), _EXACT)

    def __add__(self, other: Self) -> Self:
        """Exact sum of two values of the same kind."""
        return type(self)(self.scaled + other.scaled)

    def __sub__(self, other: Self) -> Self:
        """Exact difference of two values of the same kind."""
        return type(self)(self.scaled - other.scaled)

    def __neg__(self) -> Self:
        """The value with the other sign."""
        return type(self)(-self.scaled)

    def __str__(self) -> str:
        """Plain decimal text, for example ``68.4600``."""
        return f"{self.decimal:f}"


@attrs.frozen(slots=True, order=True)
class Money(FixedPoint):
    """An amount in ten-thousandths of the currency unit, as the wire and the card count (x 10000)."""

    places: ClassVar[int] = 4


@attrs.frozen(slots=True, order=True)
class Quantity(FixedPoint):
    """A quantity in thousandths of the item's unit."""

    places: ClassVar[int] = 3


@attrs.frozen(slots=True, order=True)
class Rate(FixedPoint):
    """A tax rate in hundred-millionths: per cent, or currency units for an amount-per-quantity category."""

    places: ClassVar[int] = 8


ZERO_MONEY = Money(0)
