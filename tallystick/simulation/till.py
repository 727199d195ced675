"""A till: sells baskets through the POS API of an E-SDC, and remembers on disk what it has sold.

It behaves as a careful POS: a request id for each basket, the same request again when an answer was lost, the PIN when
it is asked for, and patience while the secure element waits for its proof of audit.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import msgspec

from tallystick.kernel.status_codes import StatusCode
from tallystick.simulation.baskets import Basket

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.2
TIMEOUT_SECONDS = 40.0
_ENCODER = msgspec.json.Encoder(decimal_format="number")
WAITING_CODES = frozenset({StatusCode.SECURE_ELEMENT_LOCKED, StatusCode.NOT_CONFIGURED, StatusCode.CARD_NOT_PRESENT})


@attrs.frozen(slots=True)
class Sale:
    """One basket that became an invoice: its SDC number, total and receipt as text, verification address."""

    basket_id: str
    invoice_number: str
    total: str
    journal: str
    verification_url: str


@attrs.define(slots=True)
class TillFigures:
    """What a till has done in this run; read by the progress display while the till sells."""

    sold: int = 0
    sold_before: int = 0
    refused: dict[str, int] = attrs.Factory(dict)
    waits: int = 0
    first: Sale | None = None
    finished: bool = False
    failure: str = ""


def read_book(path: Path) -> dict[str, str]:
    """Basket and invoice number of every whole line of a till's book, also while its till writes; empty for none."""
    try:
        whole, _, _ = path.read_text(encoding="ascii").rpartition("\n")
    except FileNotFoundError:
        return {}
    pairs = (line.partition(" ") for line in whole.splitlines())
    return {basket_id: number for basket_id, _, number in pairs}


class SalesBook:
    """The till's own list of what it sold: one line a basket, written after the answer.

    A till that dies between answer and line sends the same request again and gets the same answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.done = read_book(path)
        if path.exists():
            self._drop_torn_line()
        self._file = path.open("a", encoding="ascii")

    def _drop_torn_line(self) -> None:
        whole, _, torn = self._path.read_text(encoding="ascii").rpartition("\n")
        if torn:
            self._path.write_text(whole + "\n" if whole else "", encoding="ascii")

    def write(self, sale: Sale) -> None:
        """Note one sale."""
        self.done[sale.basket_id] = sale.invoice_number
        self._file.write(f"{sale.basket_id} {sale.invoice_number}\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PosError(Exception):
    """The E-SDC refused; ``codes`` are its general status codes in order."""

    def __init__(self, status: int, codes: tuple[str, ...]) -> None:
        super().__init__(f"HTTP {status}: {', '.join(codes)}")
        self.status = status
        self.codes = codes


def invoice_request(basket: Basket, cashier: str) -> bytes:
    """The POS API request of a basket; the same basket gives the same bytes."""
    total = sum(line.total for line in basket.lines)
    request = {
        "invoiceType": "Normal",
        "transactionType": "Sale",
        "cashier": cashier,
        "invoiceNumber": f"{basket.basket_id}/1.0",
        "payment": [{"amount": total, "paymentType": "Card" if basket.household_id % 3 else "Cash"}],
        "options": {"omitQRCodeGen": "1"},
        "items": [
            {
                "name": line.name,
                "quantity": line.quantity,
                "unitPrice": line.unit_price,
                "labels": [line.label],
                "totalAmount": line.total,
            }
            for line in basket.lines
        ],
    }
    return _ENCODER.encode(request)


class PosClient:
    """A keep-alive connection to one E-SDC; the calls that a till makes."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        """One call; returns the parsed answer, raises ``PosError`` or ``OSError``."""
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ConnectionError(str(error)) from error
        if answer.status != 200:
            raise PosError(answer.status, _codes(data))
        return json.loads(data) if data else None

    def send_pin(self, pin: str) -> str:
        """Unlock the secure element; returns the general status code."""
        return str(self.call("POST", "/api/v3/pin", json.dumps(pin).encode()))

    def sell(self, body: bytes, request_id: str) -> dict[str, Any]:
        """Fiscalise one invoice request."""
        answer = self.call("POST", "/api/v3/invoices", body, {"RequestId": request_id})
        if not isinstance(answer, dict):
            raise PosError(200, ("no invoice result",))
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _codes(data: bytes) -> tuple[str, ...]:
    try:
        state = json.loads(data)["modelState"]
        return tuple(code for entry in state for code in entry["errors"])
    except (ValueError, KeyError, TypeError):
        return (data[:80].decode("utf-8", "replace"),)


def _may_pass(error: PosError) -> bool:
    return error.status == 503 or bool(WAITING_CODES.intersection(error.codes))


class Till:
    """Sells the baskets of one store until they are all sold or it is told to stop."""

    def __init__(
        self,
        *,
        client: PosClient,
        pin: str,
        cashier: str,
        baskets: Iterable[Basket],
        book: SalesBook,
        stop: threading.Event,
        may_sell: threading.Event,
    ) -> None:
        self._may_sell = may_sell
        self._client = client
        self._pin = pin
        self._cashier = cashier
        self._baskets = baskets
        self._book = book
        self._stop = stop
        self.figures = TillFigures(sold_before=len(book.done))

    def run(self) -> None:
        """Sell; a basket that is refused for good is counted with its code and left."""
        try:
            for basket in self._baskets:
                if self._stop.is_set():
                    return
                if basket.basket_id not in self._book.done:
                    self._wait_for_devices()
                    self._sell(basket)
        except (OSError, PosError) as error:
            self.figures.failure = str(error)
        finally:
            self._client.close()
            self._book.close()
            self.figures.finished = True

    def _wait_for_devices(self) -> None:
        """Customers of real shops come one after another; these pause while the devices have too much to send."""
        while not self._may_sell.wait(PAUSE_SECONDS) and not self._stop.is_set():
            pass

    def _sell(self, basket: Basket) -> None:
        body = invoice_request(basket, self._cashier)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self._stop.is_set():
            try:
                answer = self._client.sell(body, basket.basket_id)
            except ConnectionError:
                if time.monotonic() > give_up:
                    raise
            except PosError as error:
                if time.monotonic() > give_up or not (self._clear(error) or _may_pass(error)):
                    code = error.codes[0] if error.codes else str(error.status)
                    self.figures.refused[code] = self.figures.refused.get(code, 0) + 1
                    return
            else:
                self._note(basket, answer)
                return
            self.figures.waits += 1
            self._stop.wait(PAUSE_SECONDS)

    def _clear(self, error: PosError) -> bool:
        if StatusCode.PIN_REQUIRED not in error.codes:
            return False
        return self._client.send_pin(self._pin) == StatusCode.PIN_OK

    def _note(self, basket: Basket, answer: dict[str, Any]) -> None:
        sale = Sale(
            basket.basket_id,
            str(answer["invoiceNumber"]),
            str(answer["totalAmount"]),
            str(answer["journal"]),
            str(answer["verificationUrl"]),
        )
        self._book.write(sale)
        self.figures.sold += 1
        self.figures.first = self.figures.first or sale
