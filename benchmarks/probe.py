"""A probe: a shop with a real card behind a real E-SDC process, its till, and a buyer who asks until *valid*."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import psycopg

from benchmarks.authority_processes import RunningAuthority
from tallystick.authority.reference.registry import queries as registry
from tallystick.crypto.keys import generate_rsa_key
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.context import system_clock
from tallystick.simulation.shops import Shop, ShopMaker
from tallystick.simulation.till import PosClient, PosError
from tallystick.wire.pos_invoice import encode_json

ITEMS = 9
OPENING_SECONDS = 60.0
_FIRST_RANK = 3_000
"""Owners of probe shops are others than those of the cards that make the load."""


def make_shop(authority: RunningAuthority, number: int, *, limit: Money) -> Shop:
    """Personalise a card, register it, and wait until its registration stands in the ledger."""
    country = authority.country
    maker = ShopMaker(
        pack=country.pack,
        pki=country.pki,
        api_url=country.api_url,
        limit=limit,
        plans=country.plans,
        folder_of=country.state.esdc,
    )
    shop = maker.plan(number, _FIRST_RANK * (1 + number))
    maker.make_card(shop, (generate_rsa_key(), generate_rsa_key()), system_clock())
    with psycopg.connect(country.intake_dsn, autocommit=True) as connection:
        maker.register(connection, shop)
        until = time.monotonic() + OPENING_SECONDS
        while (entry := registry.secure_element(connection, shop.uid)) is None or entry.registration_index is None:
            assert time.monotonic() < until, f"{shop.uid} was never entered into the ledger"
            time.sleep(0.05)
    return shop


def wait_for_port(file: Path) -> int:
    """The port that a process announces in a file."""
    until = time.monotonic() + OPENING_SECONDS
    while not file.exists():
        assert time.monotonic() < until, f"{file.name} was never written"
        time.sleep(0.05)
    return int(file.read_text())


class Probe:
    """One till with one kept connection; it notes when the last byte of each answer was there."""

    def __init__(self, port: int, pin: str) -> None:
        self._port = port
        self._pin = pin
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._number = 0

    def open(self) -> None:
        """Send the PIN, and sell for the first time as soon as the device is configured."""
        until = time.monotonic() + OPENING_SECONDS
        client, refusal = PosClient("127.0.0.1", self._port), ""
        while time.monotonic() < until:
            try:
                client.send_pin(self._pin)
                client.sell(basket(qr_code=False), "opening")
                return
            except (PosError, ConnectionError) as error:
                refusal = str(error)
                time.sleep(0.1)
        raise AssertionError(f"the device never sold: {refusal}")

    def sell(self, *, qr_code: bool = False) -> tuple[float, str]:
        """Sell once: the moment after the answer's last byte, and the address that the buyer gets."""
        self._number += 1
        headers = {"Content-Type": "application/json", "RequestId": f"probe-{self._number}"}
        body = asked(self._connection, "POST", "/api/v3/invoices", basket(qr_code=qr_code), headers)
        moment = time.perf_counter()
        return moment, str(json.loads(body)["verificationUrl"])


def asked(
    connection: http.client.HTTPConnection, method: str, address: str, body: bytes | None, headers: dict[str, str]
) -> bytes:
    """The content of an answer 200; once more on a new connection where the kept one was closed as idle."""
    try:
        return _exchanged(connection, method, address, body, headers)
    except ConnectionError:  # http.client's RemoteDisconnected is one
        connection.close()
        return _exchanged(connection, method, address, body, headers)


def _exchanged(
    connection: http.client.HTTPConnection, method: str, address: str, body: bytes | None, headers: dict[str, str]
) -> bytes:
    connection.request(method, address, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, f"HTTP {answer.status}: {content!r}"
    return content


def basket(*, qr_code: bool) -> bytes:
    """The request of a POS for a basket of a supermarket's size."""
    line = {"quantity": 1, "unitPrice": 1.25, "labels": ["A"], "totalAmount": 1.25}
    request: dict[str, Any] = {
        "invoiceType": "Normal",
        "transactionType": "Sale",
        "cashier": "Ana",
        "payment": [{"amount": 1.25 * ITEMS, "paymentType": "Cash"}],
        "options": {"omitQRCodeGen": "0" if qr_code else "1"},
        "items": [{"name": f"Item {number}", **line} for number in range(ITEMS)],
    }
    return encode_json(request)


@attrs.define
class Buyer:
    """Asks for one receipt after the other as a phone's program would, on one kept connection."""

    pause_seconds: float
    patience_seconds: float
    asked: int = 0
    _connection: http.client.HTTPConnection | None = None

    def seconds_to_valid(self, since: float, url: str) -> float | None:
        """Seconds from a moment to the first answer *valid*; none when patience ends before."""
        parts = urlsplit(url)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        while True:
            status = self._ask(f"{parts.path}?{parts.query}")
            now = time.perf_counter()
            if status == "valid":
                return now - since
            assert status == "pending", status
            if now - since > self.patience_seconds:
                return None
            time.sleep(self.pause_seconds)

    def _ask(self, address: str) -> str:
        assert self._connection is not None
        self.asked += 1
        return str(json.loads(asked(self._connection, "GET", address, None, {"Accept": "application/json"}))["status"])
