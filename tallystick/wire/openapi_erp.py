"""The ERP channel as an OpenAPI document, served beside it; what the online channel has stands in that one's own."""

from __future__ import annotations

from typing import Any

from tallystick.wire.erp_api import (
    BULK_PATH,
    BULK_TYPE,
    DOCUMENTS_PATH,
    FEED_PATH,
    KEY_HEADER,
    OPENAPI_PATH,
    RESUME,
    VERDICTS_TYPE,
    WEBHOOKS_PATH,
)
from tallystick.wire.openapi import (
    JSON,
    Schema,
    answer,
    array,
    content,
    document,
    named,
    operation,
    parameter,
    problem_schemas,
    record,
    text,
)
from tallystick.wire.openapi_documents import document_schemas, jws_of
from tallystick.wire.openapi_ecr import CERTIFICATE, COUNT, DOCUMENT, NUMBER, QR, TIME, call, registered

_DESCRIPTION = """How accounting systems issue documents themselves. A connection is a device of the ERP class: it has
a certificate, a key and a sequence of its own, signs the same documents as a register (RFC 7515, ES256), and may use
every call of the national online channel as well, such as where it stands (`/ecr/v1/device`). The same bytes again get
the same answer. A key names one act: the same sale, signed anew under it, is refused and never booked twice. A bulk is
judged in order, with a verdict a line. The feed tells what became of the connection's own documents, in the order of
the ledger; whoever keeps `next` and reads on from it reads each event once. A webhook is told the same pages by POST,
at least once and in order: `Webhook-Id` is the same at every try, `Webhook-Signature` is `v1,` and the HMAC-SHA256, in
Base64, of `id.timestamp.body` under the Base64 behind `whsec_` of the secret. Any status 2xx takes a message."""

_KEY = parameter(KEY_HEADER, "header", text(1, 128, pattern="^[!-~]+$"), "What names the act in the ERP itself.")
_AFTER = parameter("after", "query", text(1), "`next` of the page before; the beginning without it.")
_LIMIT = parameter("limit", "query", COUNT, "How many events at most: 100 unless told, never more than 500.")
_BULK = content(
    {"type": "string", "description": "One compact JWS a line, at most 1,000."} | jws_of("DocumentPayload"), BULK_TYPE
)


def erp_api(server: str = "https://127.0.0.1:8448") -> dict[str, Any]:
    """The document."""
    schemes = {CERTIFICATE: {"type": "mutualTLS", "description": "Certificate and key of the connection."}}
    paths = _documents() | _feed() | _webhooks()
    return document("ERP channel", _DESCRIPTION, server, paths, _schemas(), schemes)


def _documents() -> dict[str, Any]:
    booked = named("Registered")
    return {
        DOCUMENTS_PATH: {
            "post": call(
                "erpRegister",
                "Register a fiscal document",
                {
                    200: answer("It was booked before; `Ts-Replayed: 1`, and the first answer again.", booked),
                    201: answer("Booked: durable, and in its place in the ledger.", booked),
                },
                parameters=(_KEY, QR),
                body=DOCUMENT,
            )
        },
        BULK_PATH: {
            "post": call(
                "erpBulk",
                "Register many documents of one sequence",
                {200: answer("A verdict a line, as each falls.", named("Verdict"), VERDICTS_TYPE)},
                body=_BULK,
            )
        },
    }


def _feed() -> dict[str, Any]:
    return {
        FEED_PATH: {
            "get": call(
                "erpFeed",
                "What became of the connection's documents",
                {200: answer("Events, and where to read on.", named("FeedPage"))},
                parameters=(_AFTER, _LIMIT),
            )
        },
        OPENAPI_PATH: {
            "get": operation("erpDescription", "This document", {200: answer("OpenAPI.", {"type": "object"})})
        },
    }


def _webhooks() -> dict[str, Any]:
    one, number = named("Webhook"), parameter("id", "path", COUNT, "A webhook of the connection.", required=True)
    return {
        WEBHOOKS_PATH: {
            "get": call("erpWebhooks", "Own webhooks", {200: answer("As asked.", named("Webhooks"))}),
            "post": call(
                "erpAddWebhook",
                "Register a webhook; three at most",
                {201: answer("With its secret, which is shown this once.", one)},
                body=content(named("WebhookWish"), JSON, {"url": "https://erp.example/fiscal"}),
            ),
        },
        f"{WEBHOOKS_PATH}/{{id}}": {
            "delete": call("erpRemoveWebhook", "Remove a webhook", {204: answer("Gone.")}, parameters=(number,))
        },
        f"{WEBHOOKS_PATH}/{{id}}/{RESUME}": {
            "post": call(
                "erpResumeWebhook",
                "Try at once what is waiting, and go on: also for one that was stopped",
                {200: answer("As it stands now.", one)},
                parameters=(number,),
            )
        },
    }


def _schemas() -> dict[str, Schema]:
    states = ["booked", "repeated", "refused", "unsettled", "not-tried"]
    tax = record({"at": TIME, "code": text(1), "reason": text(1), "state": text(1)}, optional=("at", "code", "reason"))
    event = {
        "amount": text(1, description="What the refund took."),
        "answer": named("Registered"),
        "at": TIME,
        "by": NUMBER | {"description": "The refund's own number."},
        "id": text(1, description="The event's name; the same however often it is read."),
        "index": COUNT,
        "number": NUMBER,
        "tax_service": tax,
        "type": {"type": "string", "enum": ["booked", "flagged", "erased", "refunded"]},
    }
    verdict = {
        "answer": named("Registered"),
        "line": COUNT | {"description": "Counted from 1."},
        "problem": named("LineProblem"),
        "state": {"type": "string", "enum": states},
    }
    problem = {
        "code": named("FaultCode"),
        "detail": text(1),
        "expected": {"type": "object", "additionalProperties": text()},
        "fields": array(record({"code": text(), "pointer": text()})),
        "retry": text(1),
        "retry_after_seconds": COUNT,
        "title": text(1),
    }
    return {
        **document_schemas(),
        "Registered": registered(),
        "Verdict": record(verdict, optional=("answer", "problem")),
        "LineProblem": record(problem, optional=("detail", "expected", "fields", "retry_after_seconds")),
        "FeedEvent": record(event, optional=("amount", "answer", "by", "tax_service")),
        "FeedPage": record({"events": array(named("FeedEvent")), "next": text(1)}),
        "Webhook": _webhook(),
        "Webhooks": record({"webhooks": array(named("Webhook"))}),
        "WebhookWish": record(
            {"url": text(9, 500), "after": text(1, description="A cursor; the beginning of the feed without it.")},
            optional=("after",),
        ),
        **problem_schemas(),
    }


def _webhook() -> Schema:
    members = {
        "after": text(1, description="The feed's cursor behind what was taken."),
        "delivered_at": TIME,
        "id": COUNT,
        "made_at": TIME,
        "next_at": TIME | {"description": "When it is tried again."},
        "secret": text(1, pattern="^whsec_"),
        "state": {"type": "string", "enum": ["active", "stopped"]},
        "tries": COUNT,
        "trouble": text(1),
        "url": text(9, 500),
    }
    return record(members, optional=("delivered_at", "next_at", "secret", "tries", "trouble"))
