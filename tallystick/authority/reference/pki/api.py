"""The open doors of the PKI over plain HTTP: lists, issuers, OCSP, timestamps, renewal advice. Everything is signed.

They are plain because whoever checks a certificate cannot first check another one; nothing secret passes here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from urllib.parse import unquote_to_bytes

import attrs
import msgspec

from tallystick.authority.problems import Problems
from tallystick.authority.reference.pki import queries, renewal
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.reference.pki.responder import NotInMemory, OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.room_queries import Connection
from tallystick.crypto.ocsp import REQUEST_BYTES_MAX, OcspError, error_answer
from tallystick.crypto.publication import (
    CRL_ENDING,
    CRL_PATH,
    ISSUER_ENDING,
    ISSUER_PATH,
    OCSP_PATH,
    TIMESTAMP_PATH,
    TRUST_LIST_PATH,
)
from tallystick.crypto.timestamps import QUERY_BYTES_MAX
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS
from tallystick.kit.address_budget import AddressBudget, client_address
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, guarded, header, read_body, respond
from tallystick.kit.in_thread import in_thread
from tallystick.wire.pos_values import write_time
from tallystick.wire.problem import problem_address
from tallystick.wire.trust_list import MEDIA_TYPE as TRUST_LIST_TYPE

ANSWER_SECONDS = 8.0
RENEWAL_PATH = "/pki/renewal-info/"
_OCSP_TYPE, _OCSP_ASKED = "application/ocsp-response", b"application/ocsp-request"
_STAMP_TYPE, _STAMP_ASKED = "application/timestamp-reply", b"application/timestamp-query"
_ONE_MINUTE = (b"cache-control", b"public, max-age=60, no-transform")
_NOT_KEPT = (b"cache-control", b"no-store")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


@attrs.frozen(kw_only=True)
class PublicationServices:
    """What the open doors need; ``connect`` lends a connection, on which a timestamp is written and nothing else.

    Each timestamp leaves a row for good, so an address has a budget; ``proxies`` are our own before this listener.
    """

    connect: Callable[[], AbstractContextManager[Connection]]
    registry: Registry
    ocsp: OcspService
    timestamps: TimestampService
    clock: Clock
    problems: Problems
    proxies: frozenset[str] = frozenset()
    stamp_budget: AddressBudget = attrs.field(
        factory=lambda: AddressBudget(LIMITS.timestamps_per_address_hour, timedelta(hours=1))
    )


def build_app(services: PublicationServices) -> App:
    """The ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _dispatch(services, scope, receive)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await respond(send, answer.status, body, answer.content_type, (*answer.headers, _NO_SNIFFING))

    return guarded(app, services.problems.translate)


async def _dispatch(services: PublicationServices, scope: Scope, receive: Receive) -> Answer:
    path, method = str(scope["path"]), scope["method"]
    if path.rstrip("/") == OCSP_PATH and method == "POST":
        return await _posted_question(services, scope, receive)
    if path == TIMESTAMP_PATH and method == "POST":
        return await _stamp(services, scope, receive)
    if method not in ("GET", "HEAD"):
        raise Fault("TS-1001", detail="this path does not take that method")
    if path.startswith(OCSP_PATH + "/"):
        return await _question_in_path(services, scope)
    if path.startswith(CRL_PATH) and path.endswith(CRL_ENDING):
        name = path[len(CRL_PATH) : -len(CRL_ENDING)]
        return await in_thread(lambda: _list(services, name), ANSWER_SECONDS)
    if path.startswith(ISSUER_PATH) and path.endswith(ISSUER_ENDING):
        name = path[len(ISSUER_PATH) : -len(ISSUER_ENDING)]
        return await in_thread(lambda: _issuer(services, name), ANSWER_SECONDS)
    if path == TRUST_LIST_PATH:
        return await in_thread(lambda: _trust_list(services), ANSWER_SECONDS)
    if path.startswith(RENEWAL_PATH):
        return await in_thread(lambda: _advice(services, path[len(RENEWAL_PATH) :]), ANSWER_SECONDS)
    raise Fault("TS-1001", detail="no such path")


async def _stamp(services: PublicationServices, scope: Scope, receive: Receive) -> Answer:
    """RFC 3161, 3.4: whatever comes in the right envelope gets a reply of the protocol, a refusal too.

    Not so where there are too many: ``TS-1006`` (this address), ``TS-3082`` (all of them).
    """
    _require_type(scope, _STAMP_ASKED)
    address = client_address(scope, services.proxies)
    if wait := services.stamp_budget.spend(address, services.clock()):
        raise Fault("TS-1006", detail="this address has had its timestamps of the hour", retry_after_seconds=wait)
    query = await read_body(receive, 16 * QUERY_BYTES_MAX)

    def work() -> bytes:
        with services.connect() as conn:
            return services.timestamps.answer(conn, query)

    return Answer(200, await in_thread(work, ANSWER_SECONDS), _STAMP_TYPE, (_NOT_KEPT,))


def _require_type(scope: Scope, wanted: bytes) -> None:
    kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
    if kind != wanted:
        raise Fault("TS-1002", detail=f"what is asked here is {wanted.decode()}")


async def _posted_question(services: PublicationServices, scope: Scope, receive: Receive) -> Answer:
    _require_type(scope, _OCSP_ASKED)
    return await _ocsp(services, await read_body(receive, 16 * REQUEST_BYTES_MAX), _NOT_KEPT)


async def _question_in_path(services: PublicationServices, scope: Scope) -> Answer:
    """RFC 6960, A.1: base64 of the question, percent-encoded; clients differ in what they encode."""
    raw: bytes = scope.get("raw_path") or str(scope["path"]).encode()
    text = unquote_to_bytes(raw.split(b"?")[0][len(OCSP_PATH) + 1 :])
    try:
        question = base64.b64decode(text.lstrip(b"/").replace(b" ", b"+"), validate=True)
    except binascii.Error:
        return Answer(200, error_answer(OcspError.MALFORMED), _OCSP_TYPE, (_NOT_KEPT,))
    return await _ocsp(services, question, _ONE_MINUTE)


async def _ocsp(services: PublicationServices, question: bytes, keeping: tuple[bytes, bytes]) -> Answer:
    try:
        body = services.ocsp.answer(question, may_block=False)
    except NotInMemory:
        body = await in_thread(lambda: services.ocsp.answer(question), ANSWER_SECONDS)
    return Answer(200, body, _OCSP_TYPE, (keeping,))


def _list(services: PublicationServices, name: str) -> Answer:
    with services.connect() as conn:
        kept = queries.newest_list(conn, name)
    if kept is None:
        raise Fault("TS-1001", detail="no such revocation list")
    return Answer(200, kept.der, "application/pkix-crl", (_ONE_MINUTE,))


def _trust_list(services: PublicationServices) -> Answer:
    with services.connect() as conn:
        kept = queries.newest_trust_list(conn)
    if kept is None:
        raise Fault("TS-1001", detail="there is no trust list yet")
    return Answer(200, kept.text.encode(), TRUST_LIST_TYPE, (_ONE_MINUTE,))


def _issuer(services: PublicationServices, name: str) -> Answer:
    with services.connect() as conn:
        certificate = queries.authorities(conn).get(name)
    if certificate is None:
        raise Fault("TS-1001", detail="no such authority")
    return Answer(200, certificate, "application/pkix-cert", (_ONE_MINUTE,))


def _advice(services: PublicationServices, identifier: str) -> Answer:
    with services.connect() as conn:
        window = renewal.advise(conn, services.registry, identifier, services.clock())
    told: dict[str, object] = {
        "suggestedWindow": {"start": write_time(window.start, None), "end": write_time(window.end, None)}
    }
    if window.why:
        told["explanationURL"] = problem_address(services.problems.operator, window.why)
    again = (b"retry-after", str(int(renewal.ASK_AGAIN.total_seconds())).encode())
    return Answer(200, msgspec.json.encode(told), "application/json", (_NOT_KEPT, again))
