"""The paths of the offline channel in the OpenAPI document of the national online channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.wire.document_jws import MEDIA_TYPE
from tallystick.wire.offline_batch import (
    BATCHES_PATH,
    DOCUMENTS_MAX,
    HEAD_BYTES_MAX,
    HEAD_PATH,
    MANIFEST_BYTES_MAX,
    PART_BYTES_MAX,
    PARTS_MAX,
)
from tallystick.wire.openapi import JSON, answer, array, content, named, parameter, record, text
from tallystick.wire.openapi_documents import jws_of

Call = Callable[..., dict[str, Any]]

_HASH = text(43, 43, pattern="^[A-Za-z0-9_-]{43}$")
_COUNT = text(1, pattern="^(0|[1-9][0-9]*)$")
_ID = text(22, 22, pattern="^[A-Za-z0-9_-]{22}$")
_BATCH = parameter("batch", "path", _ID, "16 random bytes that the device chose, base64url.", required=True)
_PART = parameter("part", "path", text(1, 4, pattern="^[1-9][0-9]{0,3}$"), f"1 to {PARTS_MAX}.", required=True)
_GZIP = parameter("content-encoding", "header", {"enum": ["gzip"]}, "One member; what is hashed is the text.")


def batch_paths(call: Call) -> dict[str, Any]:
    """The paths; ``call`` makes an operation of the channel."""
    progress = answer("Parts that are here.", named("Batch"))
    receipt = answer("The receipt, the same for ever; or, while it is open or closed, its parts.", named("Batch"))
    part = named("BatchPart")
    signed = f"A compact JWS, typ `tallystick-batch+jws`, over the manifest; at most {MANIFEST_BYTES_MAX} bytes."
    head = f"A compact JWS, typ `tallystick-head+jws`; at most {HEAD_BYTES_MAX} bytes."
    return {
        BATCHES_PATH: {
            "post": call(
                "announceBatch",
                "A batch of an offline register is about to come",
                {200: progress, 201: progress},
                body=content(named("BatchAnnouncement"), JSON, {"batch": "AAECAwQFBgcICQoLDA0ODw", "first": "1"}),
            )
        },
        f"{BATCHES_PATH}/{{batch}}": {
            "get": call("batch", "Which parts are here, or the receipt", {200: receipt}, parameters=(_BATCH,)),
            "delete": call("withdrawBatch", "Give an open batch up", {204: answer("Forgotten.")}, parameters=(_BATCH,)),
        },
        f"{BATCHES_PATH}/{{batch}}/parts/{{part}}": {
            "put": call(
                "putPart",
                "Bring a part: documents in compact form, one a line",
                {200: answer("It was here.", part), 201: answer("It is here, and durable.", part)},
                parameters=(_BATCH, _PART, _GZIP),
                body=content({"type": "string", "maxLength": PART_BYTES_MAX}, "application/octet-stream"),
            )
        },
        f"{BATCHES_PATH}/{{batch}}/close": {
            "post": call(
                "closeBatch",
                "Close a batch with its signed manifest",
                {200: receipt, 202: answer("Accepted; ask for the receipt later.", named("Batch"))},
                parameters=(_BATCH,),
                body=content({"type": "string", "description": signed} | jws_of("Manifest"), MEDIA_TYPE),
            )
        },
        HEAD_PATH: {
            "post": call(
                "reportHead",
                "Where the device stands: its last number and link, and what waits",
                {200: answer("Taken.", record({"head": _COUNT}))},
                body=content({"type": "string", "description": head} | jws_of("Head"), MEDIA_TYPE),
            )
        },
    }


def batch_schemas() -> dict[str, Any]:
    """Their schemas."""
    here = record({"number": _COUNT, "sha256": _HASH, "size": _COUNT})
    counts = dict.fromkeys(("apart", "booked", "doubled", "flagged", "refused"), _COUNT)
    codes = {"type": "object", "additionalProperties": _COUNT, "description": "How often each code stands."}
    optional = {
        "code": text(7, 7),
        "codes": codes,
        "first_index": _COUNT,
        "head": _HASH,
        "last": _COUNT,
        "last_index": _COUNT,
        "parts": array(named("BatchPart"), most=PARTS_MAX),
        **counts,
    }
    always = {"batch": _ID, "first": _COUNT, "state": {"enum": ["open", "closed", "done"]}}
    batch = record(always | optional, optional=optional, description=f"At most {DOCUMENTS_MAX} documents.")
    return {
        "Batch": batch,
        "BatchAnnouncement": record({"batch": _ID, "first": _COUNT}),
        "BatchPart": here,
    }
