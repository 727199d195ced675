"""The till at one national register: a day with its shift, baskets under their names, and a book of what was sold."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from tallystick.simulation.baskets import Basket
from tallystick.simulation.national.register_client import RegisterClient, RegisterRefused, refund_order, sell_order
from tallystick.simulation.till import PAUSE_SECONDS, Sale, SalesBook

PATIENCE_SECONDS = 180.0
OPENING_CASH = "100.00"


class TillStopped(Exception):
    """The person wants to end; the next run goes on."""


@attrs.define
class RegisterFigures:
    """What a till has done in this run; read by the display while it sells."""

    sold: int = 0
    sold_before: int = 0
    returns: int = 0
    empty: int = 0
    refused: dict[str, int] = attrs.Factory(dict)
    waits: int = 0
    first: Sale | None = None


class RegisterTill:
    """For one thread at a time but `order`, which is only given further."""

    def __init__(self, folder: Path, cashier: str, book: Path, stop: threading.Event) -> None:
        self.folder = folder
        self.client = RegisterClient(folder)
        self.figures = RegisterFigures()
        self.cashier = cashier
        self._book = SalesBook(book)
        self._stop = stop
        self.figures.sold_before = len(self._book.done)

    def begin_day(self) -> None:
        """Report the register the first time, and open a shift unless one is open that may go on."""
        status = self.status()
        if not status["registered"]:
            self.order("register", {"order": "register"})
        if status["must_close"]:
            self.end_day()
        shift = self.status()["shift"]
        if shift["state"] == "closed":
            self.order(
                f"open-{int(shift['number']) + 1}",
                {"order": "open-shift", "cash": OPENING_CASH, "cashier": self.cashier},
            )

    def end_day(self) -> None:
        """The Z report, if a shift is open."""
        shift = self.status()["shift"]
        if shift["state"] == "open":
            self.order(f"close-{shift['number']}", {"order": "close-shift"})

    def sell_all(self, baskets: Iterable[Basket]) -> None:
        """Sell what is not in the book yet; a basket that is refused for good is counted with its code and left."""
        for basket in self.further(baskets):
            self.sell(basket)

    def further(self, baskets: Iterable[Basket]) -> Iterator[Basket]:
        """Those that were not sold before, until somebody wants to end."""
        for basket in baskets:
            if self._stop.is_set():
                raise TillStopped
            if basket.basket_id not in self._book.done:
                yield basket

    def sell(self, basket: Basket) -> dict[str, Any] | None:
        """One basket; the register's answer, or none where it was refused for good."""
        order = sell_order(basket, self.cashier)
        if order is None:
            self.figures.empty += 1
            return None
        try:
            answer = self.order(basket.basket_id, order)
        except RegisterRefused as refused:
            self.figures.refused[refused.code] = self.figures.refused.get(refused.code, 0) + 1
            return None
        self.note(basket.basket_id, answer)
        return answer

    def note(self, name: str, answer: dict[str, Any]) -> None:
        """Write a sale into the book; it was answered."""
        sale = Sale(name, answer["number"], answer["total"], answer["journal"], answer["verification_url"])
        self._book.write(sale)
        self.figures.sold += 1
        self.figures.first = self.figures.first or sale

    def take_back(self, answer: dict[str, Any]) -> dict[str, Any]:
        """A buyer returns all of a sale of this register."""
        given = self.order(f"return-{answer['sequence']}", refund_order(answer, self.cashier))
        self.figures.returns += 1
        return given

    @property
    def told(self) -> int:
        """The highest number that it was given."""
        return max((int(number.rpartition("-")[2]) for number in self._book.done.values()), default=0)

    def order(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        """Give an order until it is answered; raises `RegisterRefused` for good, and `TillStopped`."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.client.order(name, order)
            except RegisterRefused as refused:
                if not refused.may_pass or time.monotonic() > give_up:
                    raise
            except ConnectionError:
                if time.monotonic() > give_up:
                    raise
            self.figures.waits += 1
            if self._stop.wait(PAUSE_SECONDS):
                raise TillStopped

    def status(self) -> dict[str, Any]:
        """How the register stands, once it runs."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.client.status()
            except ConnectionError:
                if time.monotonic() > give_up:
                    raise
            if self._stop.wait(PAUSE_SECONDS):
                raise TillStopped

    def close(self) -> None:
        """Nothing more is sold here in this run."""
        self.client.close()
        self._book.close()
