"""TaxCore.API as an OpenAPI document, served by the device listener at `/openapi.json` (wire: chapter 6)."""

from __future__ import annotations

from typing import Any

from tallystick.wire.openapi import (
    JSON,
    Schema,
    answer,
    array,
    content,
    document,
    named,
    operation,
    or_null,
    parameter,
    problem_schemas,
    record,
    shared_schemas,
    text,
)
from tallystick.wire.problem import CONTENT_TYPE
from tallystick.wire.taxcore_api import ARP_BYTES, TOKEN_HEADER
from tallystick.wire.taxcore_commands import CommandType

PREFIX = "/api/v3/"
_DESCRIPTION = """The authority's side towards E-SDCs. The token comes for the client certificate of the card's PKI
applet; other calls carry the token in a header. Paths are read in any letter case, slashes collapse. Every refusal is
`application/problem+json` with a code of the catalogue."""

_TOKEN, _CERTIFICATE = "token", "certificate"
_BASE64 = text(1, contentEncoding="base64")
_AMOUNT: Schema = {"type": "integer", "minimum": 0, "description": "Ten-thousandths, as the card counts."}
_YES_OR_NO = content({"type": "boolean"}, JSON, True)
_PROBLEM = answer("Refused.", named("Problem"), CONTENT_TYPE)
_REFUSALS = dict.fromkeys((400, 401, 403, 404, 406, 408, 409, 413, 415, 422, 429, 500, 503), _PROBLEM)
_COMMANDS = answer("Commands that wait for this card.", array(named("Command")))
_DONE = answer("Done.")


def taxcore_api(server: str = "https://127.0.0.1:8443") -> dict[str, Any]:
    """The document."""
    schemes = {
        _TOKEN: {"type": "apiKey", "in": "header", "name": TOKEN_HEADER},
        _CERTIFICATE: {"type": "mutualTLS", "description": "Certificate and key of the card's PKI applet."},
    }
    paths = _shared() | _sdc() | _older()
    return document("TaxCore.API", _DESCRIPTION, server, paths, _schemas(), schemes)


def _get(name: str, summary: str, schema: Schema, security: str | None = None) -> dict[str, Any]:
    return {"get": operation(name, summary, {200: answer("As asked.", schema), **_REFUSALS}, security=security)}


def _shared() -> dict[str, Any]:
    entries = array(named("EnvironmentEntry"))
    return {
        f"{PREFIX}configuration": _get("configuration", "Addresses and languages", named("Environment")),
        f"{PREFIX}tax-rates": _get("taxRates", "Groups of tax rates, the one in force among them", named("TaxRates")),
        f"{PREFIX}environments": _get("environments", "Environments of this authority", entries),
        f"{PREFIX}encryption-certificate": _get(
            "encryptionCertificate", "For whom packages are sealed: a certificate, DER", _BASE64
        ),
        "/openapi.json": _get("description", "This document", {"type": "object"}),
    }


def _sdc() -> dict[str, Any]:
    command = parameter("commandId", "path", text(1), "Of the command.", required=True)

    def call(name: str, summary: str, done: dict[str, Any], **more: Any) -> dict[str, Any]:
        return operation(name, summary, {200: done, **_REFUSALS}, security=_TOKEN, **more)

    package = content(named("AuditPackage"))
    request = content(named("ProofOfAuditRequest"))
    return {
        f"{PREFIX}sdc/token": _get("token", "A token for the certificate that is shown", named("Token"), _CERTIFICATE),
        f"{PREFIX}sdc/commands": {"get": call("initialCommands", "What initialises a device", _COMMANDS)},
        f"{PREFIX}sdc/commands/{{commandId}}": {
            "put": call("commandProcessed", "Whether it worked", _DONE, parameters=(command,), body=_YES_OR_NO)
        },
        f"{PREFIX}sdc/status": {
            "put": call("onlineStatus", "The device is there", _COMMANDS, body=_YES_OR_NO, body_required=False)
        },
        f"{PREFIX}sdc/audit": {
            "post": call(
                "submitPackage",
                "Submit an audit package",
                answer("Status 4: delete it; 1: send it again; any other: keep it.", named("AuditAnswer")),
                body=package,
            )
        },
        f"{PREFIX}sdc/audit-proof": {
            "post": call("submitAuditRequest", "Ask for a proof of audit", _DONE, body=request)
        },
    }


def _older() -> dict[str, Any]:
    """The older interface that the vendor's card reader speaks; the certificate is shown at each call."""

    def call(name: str, summary: str, done: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"post": operation(name, summary, {200: done, **_REFUSALS}, security=_CERTIFICATE, **more)}

    audit = content(record({"AuditData": _BASE64, "LimitData": _BASE64}))
    serial = parameter("serialNumber", "query", text(), "UID of the card, if anything that of the certificate.")
    report = {"anyOf": [named("CommandReport"), array(named("CommandReport"))]}
    return {
        "/api/secureelements/audit": call("readerAudit", "Start Audit and Amount Status of a card", _DONE, body=audit),
        "/api/sdc/getoutstandingcommands": call("readerCommands", "Commands", _COMMANDS, parameters=(serial,)),
        "/api/sdc/uploadcommandstatus": call("readerReports", "Results of commands", _DONE, body=content(report)),
        "/api/invoices/verifyinvoice": call(
            "verifyInvoice",
            "Official verification, metadata only",
            answer("What the public page says of the invoice.", named("OfficialAnswer")),
            body=content(record({"verificationUrl": text(1)})),
        ),
    }


def _schemas() -> dict[str, Schema]:
    known = ", ".join(f"{int(kind)} {kind.name.lower().replace('_', ' ')}" for kind in CommandType)
    lengths = " or ".join(map(str, ARP_BYTES))
    return {
        "Token": record({"token": text(1), "expiresAt": text(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}Z$")}),
        "Command": record(
            {
                "commandId": text(1),
                "type": {"type": "integer", "description": known},
                "payload": text(),
                "uid": text(8, 8),
            }
        ),
        "CommandReport": record({"commandId": text(1), "success": {"type": "boolean"}, "dateAndTime": text(1)}),
        "AuditPackage": record({"key": _BASE64, "iv": _BASE64, "payload": _BASE64}),
        "AuditAnswer": record({"status": {"type": "integer"}, "commands": array(named("Command"))}),
        "ProofOfAuditRequest": record(
            {
                "auditRequestPayload": _BASE64 | {"description": f"{lengths} bytes."},
                "sum": _AMOUNT,
                "limit": _AMOUNT,
            }
        ),
        "OfficialAnswer": _official_answer(),
        "TaxRates": record(
            {
                "currentTaxRates": or_null({"anyOf": [array(named("TaxRateGroup")), named("TaxRateGroup")]}),
                "allTaxRates": array(named("TaxRateGroup")),
            }
        ),
        "EnvironmentEntry": record({name: text() for name in ("name", "url", "description", "environmentName")}),
        **problem_schemas(),
        **shared_schemas(),
    }


def _official_answer() -> Schema:
    """Every member is always there, null where there is nothing to say."""
    texts = ("invoiceNumber", "taxId", "sdcTime", "receivedAt")
    integers = ("invoiceType", "transactionType", "logIndex")
    return record(
        {
            "status": text(1),
            "isValid": {"type": "boolean"},
            "totalAmount": or_null({"type": "number"}),
            **{name: or_null(text(1)) for name in texts},
            **{name: or_null({"type": "integer"}) for name in integers},
        }
    )
