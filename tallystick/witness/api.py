"""The witness over HTTP: ``add-checkpoint`` for logs, and what it has cosigned for monitors. No secrets, no sign-in."""

from __future__ import annotations

import asyncio
import logging
import sqlite3

import msgspec

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kit.asgi import (
    Answer,
    App,
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Scope,
    Send,
    guarded,
    read_body,
    respond,
)
from tallystick.wire.witness_request import REQUEST_BYTES_MAX, SIZE_TYPE, write_size
from tallystick.witness.operations import NotTheNewest, Witness
from tallystick.witness.store import WatchedLog

logger = logging.getLogger(__name__)

PREFIX = "/witness"
_TEXT = "text/plain; charset=utf-8"
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def log_path(origin: str) -> str:
    """Where monitors find the newest checkpoint of a log that a witness has cosigned."""
    return f"{PREFIX}/logs/{sha256(origin.encode()).hex()}/checkpoint"


def build_app(witness: Witness) -> App:
    """The application; what it refuses leaves as one coded line of JSON."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _answer(witness, scope, receive)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await respond(send, answer.status, body, answer.content_type, (*answer.headers, *_HEADERS))

    return guarded(app, _translate)


async def _answer(witness: Witness, scope: Scope, receive: Receive) -> Answer:
    method, path = scope["method"], str(scope["path"])
    if path == f"{PREFIX}/add-checkpoint":
        if method != "POST":
            return _refused(Fault("TS-1001", detail="checkpoints are posted"), 405)
        body = await read_body(receive, REQUEST_BYTES_MAX)
        return await asyncio.to_thread(_add, witness, body)
    if method in ("GET", "HEAD"):
        if path == f"{PREFIX}/key":
            return Answer(200, f"{witness.key.verifier_key}\n".encode(), _TEXT)
        if path == f"{PREFIX}/logs":
            return await asyncio.to_thread(_logs, witness)
        if path.startswith(f"{PREFIX}/logs/"):
            return await asyncio.to_thread(_head, witness, path)
    raise Fault("TS-1001", detail="no such path")


def _add(witness: Witness, body: bytes) -> Answer:
    try:
        return Answer(200, witness.add_checkpoint(body), _TEXT)
    except NotTheNewest as refused:
        return Answer(409, write_size(refused.size), SIZE_TYPE)


def _logs(witness: Witness) -> Answer:
    return Answer(200, msgspec.json.encode([_described(log) for log in witness.store.logs()]))


def _described(log: WatchedLog) -> dict[str, object]:
    head = log.head
    return {
        "origin": log.origin,
        "keys": log.verifier_keys,
        "size": head.size if head else 0,
        "cosignedAt": head.cosigned_at if head else None,
        "offences": log.offences,
        "checkpoint": log_path(log.origin),
    }


def _head(witness: Witness, path: str) -> Answer:
    for log in witness.store.logs():
        if path == log_path(log.origin) and log.head is not None:
            return Answer(200, log.head.note, _TEXT)
    raise Fault("TS-3043", detail="nothing was cosigned of such a log")


def _translate(error: Exception, scope: Scope) -> Answer:
    match error:
        case Fault() if error.code in CATALOGUE:
            return _refused(error)
        case BodyTooLarge():
            return _refused(Fault("TS-1003", detail="more than a request can be"))
        case BodyTooSlow():
            return _refused(Fault("TS-1005", detail="at least 1 KiB a second"))
        case sqlite3.Error():
            logger.error("the store cannot be written or read: %s", error)
            return _refused(Fault("TS-5009", detail="the witness's own store is away"))
    logger.error("a request to %s failed", scope.get("path"), exc_info=error)
    return _refused(Fault("TS-5099"))


def _refused(fault: Fault, status: int | None = None) -> Answer:
    kind = CATALOGUE[fault.code]
    body = {"code": fault.code, "title": kind.title, "detail": fault.detail}
    headers = ((b"retry-after", b"5"),) if kind.http_status == 503 else ()
    return Answer(status or kind.http_status, msgspec.json.encode(body), "application/problem+json", headers)
