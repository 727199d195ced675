"""The POS API of an E-SDC as an OpenAPI document, served by each E-SDC at `/openapi.json` (wire: chapter 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.kernel.limits import LIMITS
from tallystick.wire.openapi import JSON, answer, content, document, named, operation, or_null, parameter, text
from tallystick.wire.openapi_pos_schemas import pos_schemas

PREFIX = "/api/v3/"
EXAMPLE_REQUEST: Mapping[str, Any] = {
    "invoiceType": "Normal",
    "transactionType": "Sale",
    "cashier": "Ana",
    "payment": [{"amount": 12.5, "paymentType": "Cash"}],
    "options": {"omitQRCodeGen": "1"},
    "items": [{"name": "Coffee", "quantity": 1, "unitPrice": 12.5, "labels": ["A"], "totalAmount": 12.5}],
}
"""A sale that every E-SDC of the reference country signs."""

_DESCRIPTION = """Speak to a sales data controller at the premises. No sign-in: whoever reaches the device may ask.
HEAD answers like GET without a body, OPTIONS names the methods of a path. Slashes collapse, paths are read in any
letter case. Pages in a browser are refused (9030) unless the device is told their origin.

An error has one shape, whatever its status: `modelState` lists properties with codes, what a cashier can clear first
stands first."""

_REFUSED = answer("Refused; nothing was signed.", named("Error"))
_BROWSER = answer("A page in a browser, or a foreign host name.", named("Error"))
_BUSY = answer("Too much waits, or no room is left; Retry-After says when.", named("Error"))
_CODE_TEXT = text(pattern="^[0-9]{4}$")


def pos_api(own_codes: Mapping[str, str], server: str = "http://127.0.0.1:8888") -> dict[str, Any]:
    """The document; `own_codes` are the maker's codes with their meanings."""
    paths = {
        f"{PREFIX}attention": {
            "get": operation("attention", "Is somebody there?", {200: answer("Yes."), 403: _BROWSER})
        },
        f"{PREFIX}status": {"get": _get("status", "What state the device is in, and today's tax rates", "Status")},
        f"{PREFIX}environment-parameters": {
            "get": _get("environmentParameters", "The authority's addresses and languages", "Environment", 400)
        },
        f"{PREFIX}pin": {"post": _pin()},
        f"{PREFIX}invoices": {"post": _sell()},
        f"{PREFIX}invoices/{{requestId}}": {"get": _find()},
        "/openapi.json": {
            "get": operation(
                "description", "This document", {200: answer("OpenAPI 3.1.", {"type": "object"}), 403: _BROWSER}
            )
        },
    }
    return document("POS API of the E-SDC", _DESCRIPTION, server, paths, pos_schemas(own_codes))


def _get(name: str, summary: str, schema: str, *refusals: int) -> dict[str, Any]:
    answers = {200: answer("As asked.", named(schema)), 403: _BROWSER}
    return operation(name, summary, answers | dict.fromkeys((*refusals, 503), _REFUSED))


def _pin() -> dict[str, Any]:
    def told(description: str) -> dict[str, Any]:
        kinds = content(_CODE_TEXT) | content(_CODE_TEXT, "text/plain")
        return {"description": description, "content": kinds}

    answers = {
        200: told("`0100` accepted, `1300` no card. A JSON string, or bare digits for `Accept: text/plain`."),
        400: told("`2806` not four digits; `1999` wait for a person at the device; states of the card."),
        403: _BROWSER,
        408: _REFUSED,
        413: _REFUSED,
        423: told("`2100` wrong, `2110` locked."),
        503: _BUSY,
    }
    body = content(text(pattern="^[0-9]{4}$"), "text/plain", "2017") | content(text(pattern="^[0-9]{4}$"), JSON, "2017")
    return operation("pin", "Present the PIN of the card", answers, body=body)


def _sell() -> dict[str, Any]:
    again = "Yours; the same again with the same body gets the same answer."
    parameters = (
        parameter("RequestId", "header", text(0, LIMITS.request_id_characters), again),
        parameter("Accept-Language", "header", text(), "Languages of the journal, best first."),
        parameter("Api-Key", "header", text(), "Of an accredited POS, where that is demanded and a key was given."),
    )
    answers = {
        200: answer("Signed.", named("InvoiceResult")),
        400: _REFUSED,
        403: _BROWSER,
        406: answer("None of the languages is spoken here.", named("Error")),
        408: _REFUSED,
        413: _REFUSED,
        503: _BUSY,
    }
    body = content(named("InvoiceRequest"), JSON, dict(EXAMPLE_REQUEST))
    return operation("createInvoice", "Fiscalise", answers, parameters=parameters, body=body)


def _find() -> dict[str, Any]:
    which = parameter("requestId", "path", text(1), "The RequestId of the sale.", required=True)
    answers = {
        200: answer("The answer that was given, or null.", or_null(named("InvoiceResult"))),
        400: _REFUSED,
        403: _BROWSER,
        503: _BUSY,
    }
    return operation("findInvoice", "The newest answer given under a request id", answers, parameters=(which,))
