"""A POS for makers of E-SDCs: asks every question of the POS API, sells all ten kinds, and says what differed."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.kernel.status_codes import StatusCode
from tallystick.simulation.sandbox_cards import SandboxError
from tallystick.simulation.till import PosClient, PosError
from tallystick.wire.openapi_pos import EXAMPLE_REQUEST
from tallystick.wire.pos_values import INVOICE_TYPES, TRANSACTION_TYPES

_PREFIX = "/api/v3/"
_RESULT_MEMBERS = ("requestedBy", "signedBy", "sdcDateTime", "invoiceCounter", "invoiceNumber", "verificationUrl")


class _Differs(Exception):
    """The answer is not what the interface says."""


@attrs.frozen
class Finding:
    """One question with its outcome; `trouble` is empty when all was well."""

    question: str
    trouble: str = ""


@attrs.define
class TestPos:
    """One walk through an E-SDC."""

    __test__ = False

    client: PosClient
    pin: str | None
    labels: list[str] = attrs.Factory(list)
    last_number: str = ""
    last_time: str | None = None

    def walk(self) -> Iterator[Finding]:
        """Ask one after another; what fails does not stop the rest."""
        run = secrets.token_hex(4)
        yield self._ask("attention", self._attention)
        yield self._ask("environment-parameters", self._environment)
        if self.pin is not None:
            yield self._ask("pin", self._unlock)
        yield self._ask("status", self._status)
        for kind in InvoiceType:
            for direction in TransactionType:
                words = f"{INVOICE_TYPES.names[kind]} {TRANSACTION_TYPES.names[direction]}"
                name = f"{run}-{int(kind)}{int(direction)}"
                yield self._ask(words, lambda k=kind, d=direction, n=name: self._sell(k, d, n))  # type: ignore[misc]
        yield self._ask("an unknown request id", lambda: self._unknown(f"{run}-never"))
        yield self._ask("a label that does not exist", lambda: self._refused(f"{run}-bad"))

    def _ask(self, question: str, act: Callable[[], None]) -> Finding:
        try:
            act()
        except (_Differs, PosError, OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            return Finding(question, str(error) or type(error).__name__)
        return Finding(question)

    def _get(self, path: str) -> Any:
        return self.client.call("GET", _PREFIX + path)

    def _attention(self) -> None:
        self._get("attention")

    def _environment(self) -> None:
        _demand(bool(self._get("environment-parameters")["supportedLanguages"]), "no supported language")

    def _unlock(self) -> None:
        code = self.client.send_pin(self.pin or "")
        _demand(code == StatusCode.PIN_OK, f"the PIN was answered with {code}")

    def _status(self) -> None:
        status = self._get("status")
        bad = [code for code in status["gsc"] if code.startswith("2")]
        _demand(not bad, f"gsc holds {', '.join(bad)}")
        rates = [rate for category in status["currentTaxRates"]["taxCategories"] for rate in category["taxRates"]]
        self.labels = [rate["label"] for rate in rates]
        _demand(bool(self.labels), "no tax label is in force")

    def _sell(self, kind: InvoiceType, direction: TransactionType, request_id: str) -> None:
        body = self._body(kind, direction)
        answer = self.client.sell(body, request_id)
        missing = [name for name in _RESULT_MEMBERS if not answer.get(name)]
        _demand(not missing, f"the answer lacks {', '.join(missing)}")
        self.last_number, self.last_time = answer["invoiceNumber"], answer["sdcDateTime"]
        again = self._get(f"invoices/{request_id}")
        _demand(again == answer, "asking for it again by its request id gives another invoice")

    def _body(self, kind: InvoiceType, direction: TransactionType) -> bytes:
        label = self.labels[0] if self.labels else "A"
        items = [{**EXAMPLE_REQUEST["items"][0], "labels": [label]}]
        request = {**EXAMPLE_REQUEST, "invoiceType": int(kind), "transactionType": int(direction), "items": items}
        if kind is InvoiceType.COPY or direction is TransactionType.REFUND:
            request["referentDocumentNumber"] = self.last_number or "XXXXXXXX-XXXXXXXX-1"
            request["referentDocumentDT"] = self.last_time
        return msgspec.json.encode(request)

    def _unknown(self, request_id: str) -> None:
        _demand(self._get(f"invoices/{request_id}") is None, "an invoice that nobody sold was found")

    def _refused(self, request_id: str) -> None:
        request = json.loads(self._body(InvoiceType.NORMAL, TransactionType.SALE))
        request["items"][0]["labels"] = ["?"]
        try:
            self.client.sell(json.dumps(request).encode(), request_id)
        except PosError as error:
            _demand(StatusCode.INVALID_TAX_LABELS in error.codes, f"refused with {', '.join(error.codes)}, not 2310")
            return
        raise _Differs("it was sold")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Differs(otherwise)


def pos_for(url: str, pin: str | None) -> TestPos:
    """A POS for the E-SDC at an address such as `http://192.0.2.7:8888`; raises `SandboxError` for another form."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise SandboxError(f"{url} is no address such as http://192.0.2.7:8888")
    return TestPos(PosClient(parts.hostname, parts.port or 80), pin)
