"""What is being sold at the till: kept in a file after each keystroke that reaches it, so that a power cut loses none.

A basket has the request id of its sale from its beginning: paying twice, or again after a power cut, is one sale.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import attrs
import msgspec

from tallystick.device.ecr.orders import Line, Sell
from tallystick.kernel.invoice import Payment
from tallystick.kit.atomic_file import write_atomically
from tallystick.wire.national_members import ITEMS_MAX

FILE = "basket.json"


def _new_id() -> str:
    return f"till-{uuid.uuid4().hex}"


@attrs.frozen(slots=True, kw_only=True)
class Basket:
    """Lines so far. Once a payment was tried, ``paid`` holds it and nothing may change until its fate is known."""

    request_id: str = attrs.field(factory=_new_id)
    lines: tuple[Line, ...] = ()
    cashier: str = ""
    paid: tuple[Payment, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether no line more fits on a receipt."""
        return len(self.lines) >= ITEMS_MAX

    def plus(self, line: Line) -> Basket:
        """With a line more; the same thing at the same price is counted in its line."""
        for place, one in enumerate(self.lines):
            if attrs.evolve(one, quantity=line.quantity) == line:
                return self.with_quantity(place, one.quantity.scaled + line.quantity.scaled)
        return attrs.evolve(self, lines=(*self.lines, line))

    def with_quantity(self, place: int, scaled: int) -> Basket:
        """A line with another quantity in thousandths; nothing or less removes it."""
        if not 0 <= place < len(self.lines):
            return self
        line = self.lines[place]
        changed = (attrs.evolve(line, quantity=type(line.quantity)(scaled)),) if scaled > 0 else ()
        return attrs.evolve(self, lines=(*self.lines[:place], *changed, *self.lines[place + 1 :]))

    def order(self, payments: tuple[Payment, ...]) -> Sell:
        """The sale."""
        return Sell(lines=self.lines, payments=payments, cashier=self.cashier)

    def opened(self) -> Basket:
        """Open for changes again: the payment that was tried came to nothing."""
        return attrs.evolve(self, paid=())

    def renamed(self) -> Basket:
        """The same, as a sale of its own: another one was made under its name."""
        return attrs.evolve(self, paid=(), request_id=_new_id())

    def emptied(self) -> Basket:
        """For the next buyer."""
        return Basket(cashier=self.cashier)


class BasketFile:
    """The basket of a till in its folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            self._basket = msgspec.json.decode(self._path.read_bytes(), type=Basket)
        except (OSError, msgspec.DecodeError):
            self._basket = Basket()

    @property
    def basket(self) -> Basket:
        """As it stands."""
        return self._basket

    def keep(self, basket: Basket) -> None:
        """Durable before anybody sees it."""
        if basket != self._basket:
            write_atomically(self._path, msgspec.json.encode(basket), mode=0o600)
            self._basket = basket
