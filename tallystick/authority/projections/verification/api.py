"""The public listener: verification page and JSON, checkpoint, tiles and proofs. No certificate, no sign-in."""

from __future__ import annotations

import gzip
from collections.abc import Callable

from tallystick.authority.projections.verification.answers import (
    specifications_json,
    unconfirmed_json,
    verification_json,
)
from tallystick.authority.projections.verification.check import State, Verdict, behind_gate, check
from tallystick.authority.projections.verification.compact_check import check_compact
from tallystick.authority.projections.verification.items import ItemRow, opened_document
from tallystick.authority.projections.verification.ledger_view import Proof
from tallystick.authority.projections.verification.log_paths import log_path
from tallystick.authority.projections.verification.metrics import VERIFICATIONS
from tallystick.authority.projections.verification.national_api import verify_number, verify_receipt
from tallystick.authority.projections.verification.page import (
    LANGUAGE_PATH,
    STYLE_PATH,
    VALID_PICTURE_PATH,
    style,
    valid_picture,
    verification_page,
)
from tallystick.authority.projections.verification.page_parts import InvoiceView
from tallystick.authority.projections.verification.problems import Problems
from tallystick.authority.projections.verification.services import ANSWER_SECONDS, HTML, PublicServices
from tallystick.authority.projections.verification.sightings import tell
from tallystick.authority.projections.verification.visit import (
    asked_number,
    change_language,
    compact_code,
    compact_query,
    form_fields,
    is_person,
    language_of,
    query_text,
    receipt_letters,
    wants_json,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.limits import LIMITS
from tallystick.kit.address_budget import client_address
from tallystick.kit.asgi import Answer, App, Receive, Scope, Send, guarded, header, read_body, respond
from tallystick.kit.http_server import Refusal
from tallystick.kit.in_thread import in_thread
from tallystick.wire.qr import qr_gif

_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# On every answer, whatever it is.
_SECURITY = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_NOT_STORED = (b"cache-control", b"no-store")
_ONE_DAY = (b"cache-control", b"max-age=86400")
_VARY = (b"vary", b"Accept, Accept-Encoding, Cookie, X-Requested-With")
_COMPRESS_FROM_BYTES = 1_400
_COMPRESSED_TYPES = ("text/html", "text/css", "application/json")


def build_app(services: PublicServices) -> App:
    """The ASGI application of the public listener. Hand ``refusals`` to its server as well."""
    problems = _problems(services)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = _finished(await _dispatch(services, scope, receive), scope)
        await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    def translate(error: Exception, scope: Scope) -> Answer:
        return _finished(problems.translate(error, scope), scope)

    return guarded(app, translate)


def refusals(services: PublicServices) -> Callable[[Refusal], Answer]:
    """What the server says in our words where the application is not asked: ``Server(refuse=refusals(services))``."""
    return _problems(services).refuse


def _problems(services: PublicServices) -> Problems:
    return Problems(services.operator, services.clock, default_language=services.default_language)


def _finished(answer: Answer, scope: Scope) -> Answer:
    """The answer with the headers of all answers, compressed where the visitor can take it, bare for HEAD."""
    headers = (*answer.headers, *_SECURITY, _VARY)
    if not any(name == b"cache-control" for name, _ in headers):
        headers = (*headers, _NOT_STORED)
    body = answer.body
    takes_gzip = b"gzip" in (header(scope, b"accept-encoding") or b"").lower()
    if takes_gzip and len(body) >= _COMPRESS_FROM_BYTES and answer.content_type.startswith(_COMPRESSED_TYPES):
        body, headers = gzip.compress(body, 6, mtime=0), (*headers, (b"content-encoding", b"gzip"))
    return answer._replace(body=b"" if scope["method"] == "HEAD" else body, headers=headers)


async def _dispatch(services: PublicServices, scope: Scope, receive: Receive) -> Answer:
    path = "/" + str(scope["path"]).strip("/")
    if scope["method"] == "POST" and path.lower() == "/specifications":
        return await _specifications(services, receive)
    if scope["method"] not in ("GET", "HEAD"):
        raise Fault("TS-1001", detail="this path does not take that method")
    code = compact_code(path, scope)
    if code is not None:
        return await _verify_compact(services, scope, code)
    letters = receipt_letters(path, scope)
    if letters is not None:
        return await verify_receipt(services, scope, letters)
    number = asked_number(path, scope)
    if number is not None:
        return await verify_number(services, scope, *number)
    if path.lower() == "/v":
        return await in_thread(lambda: _verify(services, scope), ANSWER_SECONDS)
    if path.startswith(LANGUAGE_PATH):
        return change_language(scope, path.removeprefix(LANGUAGE_PATH), secure=services.secure_cookies)
    if path == STYLE_PATH:
        return Answer(200, style(), "text/css; charset=utf-8", (_ONE_DAY,))
    if path == VALID_PICTURE_PATH:
        return Answer(200, valid_picture(), "image/png", (_ONE_DAY,))
    answering = log_path(path, form_fields(query_text(scope)))
    if answering is None:
        raise Fault("TS-1001", detail="no such path")
    return await in_thread(lambda: answering(services.ledger), ANSWER_SECONDS)


def _verify(services: PublicServices, scope: Scope) -> Answer:
    query = query_text(scope)
    verdict = check(query, services.find_element, services.ledger.document)
    tell(services.sightings, verdict)
    return _answer(services, scope, verdict, query)


async def _verify_compact(services: PublicServices, scope: Scope, code: str) -> Answer:
    """As the long code, but what nobody confirms counts against its address, from before it is looked up."""
    with services.unknown_codes.asking(client_address(scope, services.proxies), services.clock()) as asking:
        verdict = await in_thread(
            lambda: check_compact(code, services.find_element, services.ledger.document), ANSWER_SECONDS
        )
        asking.was_unknown = verdict.state is State.UNCONFIRMED
    return await in_thread(lambda: _answer(services, scope, verdict, compact_query(code)), ANSWER_SECONDS)


def _answer(services: PublicServices, scope: Scope, verdict: Verdict, query: str) -> Answer:
    VERIFICATIONS.labels(state=verdict.state).inc()
    if verdict.state is State.NOT_VERIFIABLE:
        return _not_verifiable(services, scope, query)
    if verdict.state is State.UNCONFIRMED:
        return _unconfirmed(services, scope, query)
    proof = services.ledger.proof(verdict.document) if verdict.document is not None else None
    checkpoint = proof.checkpoint if proof is not None else services.ledger.newest_checkpoint()
    if wants_json(scope):
        return Answer(200, verification_json(verdict, opened_document(verdict.document), proof, checkpoint))
    return Answer(200, _page(services, scope, verdict, proof, query, checkpoint).encode(), HTML)


def _not_verifiable(services: PublicServices, scope: Scope, query: str) -> Answer:
    """Readable for people; programs and scripts get the bare status that they know (wire: verification page)."""
    if not is_person(scope):
        return Answer(400)
    asked = query if len(query) <= LIMITS.verification_url_bytes else ""
    language = language_of(scope, services.default_language)
    return Answer(400, verification_page(State.NOT_VERIFIABLE, language, query=asked).encode(), HTML)


def _unconfirmed(services: PublicServices, scope: Scope, query: str) -> Answer:
    """A compact code without a record: there is nothing of ours to show, and nothing signed in the code."""
    checkpoint = services.ledger.newest_checkpoint()
    if wants_json(scope):
        return Answer(200, unconfirmed_json(checkpoint))
    language = language_of(scope, services.default_language)
    page = verification_page(State.UNCONFIRMED, language, query=query, checkpoint=checkpoint)
    return Answer(200, page.encode(), HTML)


def _page(
    services: PublicServices, scope: Scope, verdict: Verdict, proof: Proof | None, query: str, checkpoint: str
) -> str:
    facts, opened = verdict.facts, opened_document(verdict.document)
    assert facts is not None, "only a URL with a good signature gets so far"
    language = language_of(scope, services.default_language)
    view = InvoiceView(
        facts=facts,
        language=language,
        zone=services.zone,
        opened=opened,
        rows=opened.rows() if opened is not None else (),
        qr_gif=_code(opened.result.verification_url) if opened is not None else b"",
        token=services.page_tokens.make(str(facts.data.number), services.clock()),
        proof=proof,
        source=verdict.source,
    )
    return verification_page(verdict.state, language, query=query, view=view, checkpoint=checkpoint)


def _code(url: str) -> bytes:
    """The code as the device printed it; nothing where its text is none that a code can hold."""
    try:
        return qr_gif(url)
    except Fault:
        return b""


async def _specifications(services: PublicServices, receive: Receive) -> Answer:
    """The item list of one page view; without a good token it is refused, and nothing is asked of the ledger."""
    form = form_fields((await read_body(receive, LIMITS.control_call_bytes)).decode("utf-8", "replace"))
    number, token = form.get("invoiceNumber", ""), form.get("token", "")
    rows = None
    if services.page_tokens.take(token, number, services.clock()):
        rows = await in_thread(lambda: _rows_of(services, SdcInvoiceNumber.parse(number)), ANSWER_SECONDS)
    return Answer(200, specifications_json(rows))


def _rows_of(services: PublicServices, number: SdcInvoiceNumber) -> tuple[ItemRow, ...]:
    opened = opened_document(behind_gate(services.ledger.document(number)))
    return opened.rows() if opened is not None else ()
