"""The national online channel as an OpenAPI document, served by its listener at `/openapi.json`."""

from __future__ import annotations

from typing import Any

from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.checkpoint_header import CHECKPOINT_HEADER
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX, MEDIA_TYPE
from tallystick.wire.ecr_api import (
    COMMANDS_HEADER,
    CONTACT_CHARACTERS,
    DELIVERIES,
    DEVICE_PATH,
    DOCUMENTS_PATH,
    NODE_PREFIX,
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
from tallystick.wire.openapi_batches import batch_paths, batch_schemas
from tallystick.wire.openapi_documents import document_schemas, jws_of
from tallystick.wire.openapi_ecr_commands import command_paths, command_schemas
from tallystick.wire.problem import CONTENT_TYPE
from tallystick.wire.receipt_code import CODE_CHARACTERS

_DESCRIPTION = f"""How registers, ERP systems and server nodes report to the operator. Every call is made over mutual
TLS with the certificate that enrolment (EST, RFC 7030) gave to the device. A document is a compact JWS (RFC 7515),
signed with ES256 by the same key; `x-jws-header` and `x-jws-payload` of a body are the schemas of what is inside. The
same bytes again get the same answer. Every value in an answer is text. The header `{CHECKPOINT_HEADER}` of an answer
carries the newest signed head of the ledger; a request may bring back an earlier one. `{COMMANDS_HEADER}` says the
highest number of the commands that wait for the device, where any does. Every refusal is `application/problem+json`
with a code of the catalogue, and changes nothing; order faults say in `expected` which place the device has to sign
next."""

CERTIFICATE = "certificate"
_HASH = text(43, 43, pattern="^[A-Za-z0-9_-]{43}$")
COUNT = text(1, pattern="^(0|[1-9][0-9]*)$")
TIME = text(format="date-time", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")
NUMBER = text(19, 28, pattern="^[A-Z0-9]{8}-[A-Z0-9]{8}-[1-9][0-9]{0,9}$")
_UID = text(8, 8, pattern="^[A-Z0-9]{8}$")
_PROBLEM = answer("Refused.", named("Problem"), CONTENT_TYPE)
REFUSALS = dict.fromkeys((400, 401, 403, 404, 406, 408, 409, 413, 415, 422, 429, 500, 503), _PROBLEM)
_OWN = parameter("number", "path", NUMBER, "A fiscal number of the calling device.", required=True)
QR = parameter("qr", "query", {"enum": ["1"]}, "1: the receipt's code as an image as well.")
_KNOWN = parameter(CHECKPOINT_HEADER, "header", text(), "A head of the ledger that the device was shown before.")
DOCUMENT = content(
    {"type": "string", "maxLength": DOCUMENT_BYTES_MAX, "description": "A compact JWS: header.payload.signature."}
    | jws_of("DocumentPayload"),
    MEDIA_TYPE,
)
PRESENTATION = {
    "tin": "100000033",
    "device_class": "software",
    "build": "ab" * 32,
    "serial_number": "0042",
    "key_hash": "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ",
}


def ecr_api(server: str = "https://127.0.0.1:8448") -> dict[str, Any]:
    """The document."""
    schemes = {CERTIFICATE: {"type": "mutualTLS", "description": "Certificate and key of the device."}}
    paths = _channel() | batch_paths(call) | command_paths(call) | _node()
    return document("National online channel", _DESCRIPTION, server, paths, _schemas(), schemes)


def call(name: str, summary: str, answers: dict[int, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A call of a device with its certificate, which may be refused."""
    return operation(name, summary, {**answers, **REFUSALS}, security=CERTIFICATE, **more)


def _register(name: str, summary: str) -> dict[str, Any]:
    booked = named("Registered")
    return {
        "post": call(
            name,
            summary,
            {
                200: answer("It was booked before; `Ts-Replayed: 1`, and the first answer again.", booked),
                201: answer("Booked: durable, and in its place in the ledger.", booked),
            },
            parameters=(QR, _KNOWN),
            body=DOCUMENT,
        )
    }


def _channel() -> dict[str, Any]:
    delivery, found = named("Delivery"), named("Deliveries")
    return {
        DOCUMENTS_PATH: _register("register", "Register a fiscal document"),
        DEVICE_PATH: {"get": call("device", "Where the device stands", {200: answer("As asked.", named("Device"))})},
        f"{DOCUMENTS_PATH}/{{number}}": {
            "get": call(
                "document",
                "The answer to an own document once more",
                {200: answer("As it was answered.", named("Registered"))},
                parameters=(_OWN, QR),
            )
        },
        f"{DOCUMENTS_PATH}/{{number}}/{DELIVERIES}": {
            "get": call(
                "deliveries", "Where a receipt was sent", {200: answer("As asked.", found)}, parameters=(_OWN,)
            ),
            "post": call(
                "deliver",
                "Send a receipt's link by e-mail or SMS",
                {200: answer("It was asked for before.", delivery), 201: answer("It will be sent.", delivery)},
                parameters=(_OWN,),
                body=content(named("Wish"), JSON, {"by": "email", "to": "ana@example.org"}),
            ),
        },
    }


def _node() -> dict[str, Any]:
    code = parameter(
        "code",
        "path",
        text(19, CODE_CHARACTERS),
        f"The {CODE_CHARACTERS} letters behind `/r/` in the code of any receipt, or an own fiscal number.",
        required=True,
    )
    after = parameter("after", "query", COUNT, "The cursor of the page before.")
    item = {200: answer("As asked.", named("QueueItem"))}
    return {
        f"{NODE_PREFIX}documents": _register("nodeRegister", "Register a fiscal document (S1-015)"),
        f"{NODE_PREFIX}queue": {
            "get": call(
                "nodeQueue",
                "How own documents stand on their way to the tax service (S1-016)",
                {200: answer("A page; ask again with `after`, until it is left out.", named("QueuePage"))},
                parameters=(after,),
            )
        },
        f"{NODE_PREFIX}queue/{{number}}": {
            "get": call("nodeQueued", "How one document stands there (S1-016)", item, parameters=(_OWN,))
        },
        f"{NODE_PREFIX}receipts/{{code}}": {
            "get": call(
                "nodeReceipt",
                "Verify a receipt (S1-017)",
                {200: answer("What the public page says of it.", {"type": "object"})},
                parameters=(code, QR),
            )
        },
        f"{NODE_PREFIX}registers": {
            "post": operation(
                "nodePresent",
                "A register that nobody entered presents itself (S1-018); the same again gets the same answer",
                {
                    200: answer("Decided: confirmed, with where to enrol, or refused, with why.", named("Presented")),
                    202: answer("A person looks at it; ask again with the same body.", named("Presented")),
                    **REFUSALS,
                },
                body=content(named("Presentation"), JSON, PRESENTATION),
            )
        },
        f"{NODE_PREFIX}closures": _register(
            "nodeClose", "Close the fiscal memory for good: its closure document (S1-019)"
        ),
        "/openapi.json": {
            "get": operation("description", "This document", {200: answer("OpenAPI.", {"type": "object"})})
        },
    }


def _schemas() -> dict[str, Schema]:
    ways: Schema = {"type": "string", "enum": ["email", "sms"]}
    contact = text(1, CONTACT_CHARACTERS)
    return {
        **batch_schemas(),
        **document_schemas(batches=True),
        "Registered": registered(),
        "Presentation": _presentation(),
        "Presented": record(
            {
                "code": text(1, description="For one enrolment with the key that it named."),
                "enrol_url": text(1),
                "id": COUNT,
                "reason": text(1),
                "state": {"type": "string", "enum": ["pending", "confirmed", "refused"]},
                "uid": _UID,
            },
            optional=("code", "enrol_url", "id", "reason", "uid"),
        ),
        "Wish": record({"by": ways, "to": contact}),
        "Delivery": record(
            {
                "asked_at": TIME,
                "by": ways,
                "id": COUNT,
                "number": NUMBER,
                "state": {"type": "string", "enum": ["waiting", "sent", "failed", "erased"]},
                "to": contact,
            },
            optional=("to",),
        ),
        "Deliveries": record({"deliveries": array(named("Delivery"))}),
        "QueueItem": record(
            {
                "at": TIME,
                "code": text(1),
                "index": COUNT,
                "number": NUMBER,
                "reason": text(1),
                "sequence": COUNT,
                "state": text(1),
            },
            optional=("at", "code", "reason"),
        ),
        "QueuePage": record({"after": COUNT, "items": array(named("QueueItem"))}, optional=("after",)),
        **command_schemas(),
        **_device(),
        **problem_schemas(),
    }


def registered() -> Schema:
    """What a booked document is told, in this channel and in that of ERP systems."""
    kinds: Schema = {"type": "string", "enum": [str(kind) for kind in DocumentKind]}
    codes = array(named("FaultCode"))
    return record(
        {
            "act_hash": _HASH | {"description": "SHA-256 of what the device signed."},
            "device_link": _HASH | {"description": "`ts-prev` of the device's next document."},
            "flags": codes | {"description": "What the booking carries."},
            "index": COUNT | {"description": "Place in the ledger."},
            "kind": kinds,
            "number": NUMBER | {"description": "The fiscal number."},
            "qr": text(1, contentEncoding="base64", contentMediaType="image/gif"),
            "received_at": TIME,
            "verification_url": text(1, description="What the receipt's code says; of sales only."),
        },
        optional=("flags", "qr", "verification_url"),
    )


def _presentation() -> Schema:
    words = [one.word for one in DeviceClass if one is not DeviceClass.VSDC]
    optional = {name: text(1, LIMITS.register_text_characters) for name in ("maker", "model", "memory_number")}
    members = {
        "tin": text(1, 20),
        "device_class": {"type": "string", "enum": words},
        "build": text(64, 64, description="Id of its certified build."),
        "serial_number": text(1, LIMITS.register_text_characters),
        **optional,
        "form_factor": text(1, description="What it looks like; decides nothing."),
        "key_hash": _HASH | {"description": "SHA-256 of the SubjectPublicKeyInfo of its key."},
        "maker_certificate": _HASH,
    }
    return record(members, optional=(*optional, "form_factor", "key_hash", "maker_certificate"))


def _device() -> dict[str, Schema]:
    place = record({"ts-prev": _HASH, "ts-seq": COUNT})
    genesis = record(
        {
            "certificate": _HASH,
            "link": _HASH,
            "pair": text(17, 17),
            "registration_index": COUNT,
            "registration_leaf": _HASH,
        },
        description="SHA-256 over tag and fields as in the specification of the ledger; `link` is what comes out.",
    )
    shift = record(
        {
            "closes_by": TIME,
            "first": COUNT,
            "number": COUNT,
            "opened_at": TIME,
            "state": {"type": "string", "enum": ["unregistered", "closed", "open", "ended"]},
            "turnover": text(1),
        },
        optional=("closes_by", "first", "opened_at"),
    )
    offline = record(
        {"hours": COUNT, "rolling_days": COUNT, "rolling_hours": COUNT}, optional=("rolling_days", "rolling_hours")
    )
    words: Schema = {"enum": [one.word for one in TaxCategoryType]}
    rates = record(
        {
            "group": COUNT,
            "labels": {"type": "object", "additionalProperties": text(1), "description": "The rate of each label."},
            "types": {"type": "object", "additionalProperties": words, "description": "How each label is reckoned."},
            "valid_from": TIME,
        }
    )
    return {
        "Device": record(
            {
                "audience": text(1, description="What `ts-aud` has to say: the origin of this environment's ledger."),
                "checkpoint": text(1),
                "device_class": COUNT,
                "genesis": genesis,
                "next": place,
                "offline": offline,
                "rates": rates,
                "server_time": TIME,
                "shift": shift,
                "state": {"type": "string", "enum": ["active", "hold", "closed"]},
                "tin": text(1),
                "uid": _UID,
                "window_seconds": COUNT,
            },
            optional=("checkpoint", "genesis", "next", "rates", "shift"),
        )
    }
