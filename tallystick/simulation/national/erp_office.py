"""The office of a company: its ERP issues invoices and credit notes through the repository's reference client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
from tallystick_erp import Away, Booked, Connection, Refused, closing, opening, receipt, registration, taxes_of
from tallystick_erp.documents import plain

from tallystick.device.ecr.device_files import CERTIFICATE, ROOT
from tallystick.simulation.baskets import CENT, Basket
from tallystick.simulation.national.register_till import PATIENCE_SECONDS, TillStopped
from tallystick.simulation.till import Sale, SalesBook

STORE = "erp.sqlite"
BULK = 20
_TAXES = frozenset({"A", "B", "E", "Ж"})
"""Labels of taxes that are part of the price, which is what the client's own helper calculates."""
T = TypeVar("T")


@attrs.define
class OfficeFigures:
    """What the ERP did in this run; ``heard`` counts what its feed told."""

    sold: int = 0
    sold_before: int = 0
    refused: dict[str, int] = attrs.Factory(dict)
    returns: int = 0
    heard: int = 0
    first: Sale | None = None


@attrs.define(eq=False)
class ErpOffice:
    """Over a folder with key and certificate; for one thread."""

    folder: Path
    url: str
    build: str
    currency: str
    utc_offset_minutes: int
    book: SalesBook
    stop: threading.Event
    figures: OfficeFigures = attrs.field(factory=OfficeFigures)
    _open: Connection | None = None

    def open(self) -> None:
        """Take up the work: settles what a crash left open, reports the system the first time, opens a shift."""
        self._open = Connection(
            self.url,
            self.folder / "device.key",
            self.folder / CERTIFICATE,
            self.folder / ROOT,
            self.folder / STORE,
            build=self.build,
            utc_offset_minutes=self.utc_offset_minutes,
        )
        self._patiently(self._client.begin)
        self._submit(registration("Tallystick", "Reference ERP client", "0001"), "registration")
        shift = self._shift()
        if shift["state"] != "open":
            self._submit(opening(), f"shift-{int(shift['number']) + 1}")

    def close(self) -> None:
        """End the shift and let go of the store."""
        try:
            shift = self._shift()
            if shift["state"] == "open":
                self._submit(closing(), f"shift-{shift['number']}-end")
            self.figures.heard += self._patiently(lambda: self._client.read_feed(lambda event: None))
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Close the store as it is."""
        self.book.close()
        if self._open is not None:
            self._open.close()
            self._open = None

    def invoice(self, baskets: Iterable[Basket]) -> None:
        """An invoice for each, in bulks; the basket's name is the key, so none is ever issued twice."""
        rates = self._patiently(self._client.device)["rates"]
        further = (basket for basket in baskets if basket.basket_id not in self.book.done)
        made = [(basket.basket_id, one) for basket in further if (one := self._invoice(basket, rates))]
        for first in range(0, len(made), BULK):
            if self.stop.is_set():
                raise TillStopped
            part = made[first : first + BULK]
            wanted = [(payload, f"invoice-{name}") for name, payload in part]
            answers = self._patiently(partial(self._client.submit_bulk, wanted))
            for (name, payload), booked in zip(part, answers, strict=True):
                sale = Sale(name, booked.number, payload["total"], "", booked.verification_url)
                self.book.write(sale)
                self.figures.first = self.figures.first or sale
            self.figures.sold += len(answers)

    def credit(self, answer: dict[str, Any], key: str) -> Booked:
        """Take back all of a sale of the company, whichever of its devices made it; raises ``Refused``."""
        rates = self._patiently(self._client.device)["rates"]
        total = answer["total"]
        item = {"name": "Return", "quantity": "1", "price": total, "total": total, "labels": ["Ж"]}
        note = receipt(
            [item],
            {"wire-transfer": total},
            taxes_of([item], rates["labels"]),
            currency=self.currency,
            rate_group=rates["group"],
            refund_of=answer["number"],
        )
        booked = self._submit(note, key)
        self.figures.returns += 1
        return booked

    @property
    def _client(self) -> Connection:
        assert self._open is not None, "opened before"
        return self._open

    def _shift(self) -> Any:
        return self._patiently(self._client.device)["shift"]

    def _submit(self, payload: dict[str, Any], key: str) -> Booked:
        return self._patiently(lambda: self._client.submit(payload, key))

    def _invoice(self, basket: Basket, rates: Any) -> dict[str, Any] | None:
        lines = [line for line in basket.lines if line.label in _TAXES]
        total = sum((line.total for line in lines), CENT - CENT)
        if not total:
            return None
        items = []
        for line in lines:
            fits = (line.unit_price * line.quantity).quantize(CENT, rounding=ROUND_HALF_UP) == line.total
            quantity, price = (plain(line.quantity), plain(line.unit_price)) if fits else ("1", plain(line.total))
            items.append(
                {
                    "name": line.name,
                    "quantity": quantity,
                    "price": price,
                    "total": plain(line.total),
                    "labels": [line.label],
                }
            )
        return receipt(
            items,
            {"wire-transfer": plain(total)},
            taxes_of(items, rates["labels"]),
            currency=self.currency,
            rate_group=rates["group"],
        )

    def _patiently(self, call: Callable[[], T]) -> T:
        """The same call again while the operator is away; the client keeps what it signed."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return call()
            except Away as away:
                if time.monotonic() > give_up:
                    raise
                pause = min(away.retry_after_seconds, 1.0)
            except Refused as refused:
                if refused.code != "TS-1102" or time.monotonic() > give_up:  # the door has not heard of us yet
                    raise
                pause = 0.2
            if self.stop.wait(pause):
                raise TillStopped
