"""The interface that a tax authority's own system offers to us, as an OpenAPI document (S1-034)."""

from __future__ import annotations

from typing import Any

from tallystick.wire.openapi import (
    Schema,
    answer,
    array,
    content,
    document,
    named,
    operation,
    parameter,
    record,
    text,
)
from tallystick.wire.tax_service import (
    CODE_CHARACTERS,
    DOCUMENT_TYPE,
    KEY_HEADER,
    REASON_CHARACTERS,
    RECEIPT_CHARACTERS,
)

_DESCRIPTION = """What we expect of the tax authority's own system: one POST a document, and one answer. The key is the
hash of the act: the same document under the same key may come again, at any time and at once with itself, and is then
answered `duplicate`. Documents come in the order of the ledger but for those that had to be sent again; each says its
place in the device's and the taxpayer's sequence. An answer that is not one of these counts as none, and the document
comes again."""

_HASH = text(64, 64, pattern="^[0-9a-f]{64}$")
_AMOUNT = text(pattern=r"^-?[0-9]+\.[0-9]{4}$", description="Four decimals, as text.")
_TIME = text(format="date-time")
_COUNT: Schema = {"type": "integer", "minimum": 0}
_EXAMPLE = {
    "version": "1",
    "act": "9f" * 32,
    "entry": 41,
    "type": "receipt",
    "typeCode": 256,
    "fiscalNumber": "AB12CD34-AB12CD34-7",
    "sequence": 7,
    "channel": 1,
    "tin": "123456789",
    "taxpayerSequence": 12,
    "premises": "3",
    "issuedAt": "2026-03-02T09:15:30.1230000Z",
    "receivedAt": "2026-03-02T09:15:30.4560000Z",
    "currency": "XTS",
    "total": "12.5000",
    "taxes": {"A": "2.0800"},
    "refersTo": "",
    "flags": [],
    "mediaType": "application/json",
    "bodyHash": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "erased": False,
    "body": "e30=",
}


def tax_service_api(server: str = "https://tax.example/documents") -> dict[str, Any]:
    """The document; ``server`` is the address of the setting ``tax_service_url``."""
    said = named("Answer")
    answers = {
        200: answer("`accepted`, `duplicate`, `rejected` or `later`.", said),
        422: answer("`rejected`: the same document will not be taken.", said),
        429: answer("`later`: too many documents.", said),
        503: answer("`later`: the service has no time.", said),
    }
    key = parameter(KEY_HEADER, "header", _HASH, "The hash of the act, as in the body.", required=True)
    post = operation(
        "sendDocument",
        "One fiscal document",
        answers,
        parameters=(key,),
        body=content(named("Document"), DOCUMENT_TYPE, _EXAMPLE),
    )
    schemas = {"Document": _document(), "Answer": _answer()}
    return document("The tax authority's own system", _DESCRIPTION, server, {"/": {"post": post}}, schemas)


def _document() -> Schema:
    channels = "1 E-SDC, 2 hosted signer, 3 online register, 4 offline register, 5 ERP, 6 e-invoice"
    return record(
        {
            "version": {"const": "1"},
            "act": _HASH | {"description": "What the device has signed; names the document for ever."},
            "entry": _COUNT | {"description": "Index in the operator's ledger."},
            "type": text(1, description="The type for people, such as `receipt`; more will come."),
            "typeCode": _COUNT | {"description": "The type of the ledger."},
            "fiscalNumber": text(1),
            "sequence": _COUNT | {"description": "Place in the device's sequence, without holes."},
            "channel": _COUNT | {"description": channels},
            "tin": text(),
            "taxpayerSequence": _COUNT | {"description": "Place in the taxpayer's sequence, without holes."},
            "premises": text(description="The registry's number of the business premises; empty when none is known."),
            "issuedAt": _TIME,
            "receivedAt": _TIME | {"description": "Arrival at the operator."},
            "currency": text(),
            "total": _AMOUNT,
            "taxes": {"type": "object", "additionalProperties": _AMOUNT, "description": "By label."},
            "refersTo": text(description="The number of the document that this one refunds, corrects or copies."),
            "flags": array(text(1)) | {"description": "Codes with which the operator booked it."},
            "mediaType": text(description="Of the body."),
            "bodyHash": _HASH | {"description": "SHA-256 of the body that was booked."},
            "erased": {"type": "boolean", "description": "Whether the law had the body erased; then it is empty."},
            "body": text(contentEncoding="base64", description="The exact bytes that were booked."),
        }
    )


def _answer() -> Schema:
    members = {
        "act": _HASH | {"description": "Of the document that is answered."},
        "status": {"enum": ["accepted", "duplicate", "rejected", "later"]},
        "receipt": text(
            0, RECEIPT_CHARACTERS, description="The service's own number, with `accepted` and `duplicate`."
        ),
        "code": text(0, CODE_CHARACTERS, description="With `rejected`."),
        "reason": text(0, REASON_CHARACTERS, description="With `rejected`, and with `later` if it likes."),
        "retryAfterSeconds": _COUNT | {"maximum": 3_600, "description": "With `later`."},
    }
    optional = ("receipt", "code", "reason", "retryAfterSeconds")
    return record(members, optional=optional, open=True, description="Further members are passed over.")
