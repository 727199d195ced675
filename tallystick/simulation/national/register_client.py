"""A register as the program of its till uses it: orders over HTTP on loopback, by name, as often as it takes."""

from __future__ import annotations

import http.client
import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tallystick.device.ecr.api import TOKEN_FILE
from tallystick.ops.processes.till import API_PORT_FILE, TILL_PORT_FILE
from tallystick.simulation.baskets import CENT, Basket

TIMEOUT_SECONDS = 40.0
NO_CONNECTION, OPEN_FATE, NOT_KNOWN_YET = "TS-3250", "TS-3251", "TS-1102"
"""Nothing was sold; nobody knows yet; the door has not heard of a new certificate. All are asked again."""


class RegisterRefused(Exception):
    """The register, or through it the authority, said no."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether the same order later will do."""
        return self.code in (NO_CONNECTION, OPEN_FATE, NOT_KNOWN_YET)


class RegisterClient:
    """A kept connection to one register. Where it listens stands in its folder, and changes when it starts anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: http.client.HTTPConnection | None = None

    def order(self, name: str, order: dict[str, Any]) -> dict[str, Any]:
        """Give an order under a name; raises `RegisterRefused` and ``ConnectionError``."""
        return self._call("POST", "/v1/orders", json.dumps(order, sort_keys=True).encode(), {"Request-Id": name})

    def status(self) -> dict[str, Any]:
        """How the register stands; raises ``ConnectionError`` while it does not run."""
        return self._call("GET", "/v1/status", None, {})

    @property
    def serves(self) -> bool:
        """Whether it has said where."""
        return (self._folder / TILL_PORT_FILE).exists()

    @property
    def till_url(self) -> str:
        """Its page for people."""
        return f"http://127.0.0.1:{(self._folder / TILL_PORT_FILE).read_text().strip()}/"

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        try:
            if self._connection is None:
                port = int((self._folder / API_PORT_FILE).read_text())
                self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
            token = (self._folder / TOKEN_FILE).read_text(encoding="ascii").strip()
            told = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
            self._connection.request(method, path, body, told)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            raise ConnectionError(f"{self._folder.name} does not answer: {error}") from error
        found: dict[str, Any] = json.loads(content)
        if answer.status != 200:
            raise RegisterRefused(found.get("code", str(answer.status)), found.get("detail", ""))
        return found


def sell_order(basket: Basket, cashier: str) -> dict[str, Any] | None:
    """The order of a basket, the same for the same basket; none where there is nothing to pay."""
    lines = []
    for line in basket.lines:
        fits = (line.unit_price * line.quantity).quantize(CENT, rounding=ROUND_HALF_UP) == line.total
        lines.append(
            {
                "name": line.name,
                "quantity": f"{line.quantity:f}" if fits else "1",
                "price": f"{line.unit_price if fits else line.total:f}",
                "labels": [line.label],
            }
        )
    total = sum((line.total for line in basket.lines), Decimal(0))
    if not total:
        return None
    kind = "card" if basket.household_id % 3 else "cash"
    return {"order": "sell", "lines": lines, "payments": [{"kind": kind, "amount": f"{total:f}"}], "cashier": cashier}


def refund_order(answer: dict[str, Any], cashier: str) -> dict[str, Any]:
    """All of a sale comes back."""
    payments = [{"kind": "card", "amount": answer["total"]}]
    return {"order": "refund", "original": answer["number"], "payments": payments, "cashier": cashier}
