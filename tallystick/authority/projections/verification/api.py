"""The public listener: verification page and JSON, checkpoint, tiles and proofs. No certificate, no sign-in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo
from io import BytesIO
from urllib.parse import parse_qs, quote, unquote

import attrs

from tallystick.authority.projections.verification.answers import (
    item_rows,
    opened_document,
    specifications_json,
    verification_json,
)
from tallystick.authority.projections.verification.check import (
    FindDocument,
    FindElement,
    State,
    Verdict,
    check,
)
from tallystick.authority.projections.verification.page import (
    STYLE,
    STYLE_PATH,
    VALID_IMAGE_PATH,
    PageFacts,
    Proof,
    render,
)
from tallystick.authority.projections.verification.page_tokens import PageTokens
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES, PageLanguage
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import Clock
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import (
    Answer,
    App,
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Scope,
    Send,
    guarded,
    header,
    read_body,
    respond,
)
from tallystick.wire.problem import problem_json
from tallystick.wire.qr import qr_gif

_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)
_SECURITY_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Cookie"),
)
_COOKIE = "localization"
_COOKIE_SECONDS = 365 * 24 * 3600


@attrs.frozen(kw_only=True)
class PublicServices:
    """What the public listener needs. The three ledger questions are blocking and run in threads."""

    find_element: FindElement
    find_document: FindDocument
    proof_of: Callable[[int], Proof | None]
    proof_file: Callable[[int], bytes | None]
    checkpoint: Callable[[], bytes | None]
    tile: Callable[[str], bytes | None]
    consistency: Callable[[int, int], tuple[bytes, ...]]
    page_tokens: PageTokens
    zone: tzinfo
    default_language: PageLanguage
    clock: Clock
    operator: str


Handler = Callable[["PublicServices", Scope, Receive], Awaitable[Answer]]


def build_app(services: PublicServices) -> App:
    """The ASGI application of the public listener."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await _dispatch(services, scope, receive)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await respond(send, answer.status, body, answer.content_type, answer.headers)

    def translate(error: Exception, scope: Scope) -> Answer:
        fault = _fault_of(error)
        status, body = problem_json(fault, instance="", operator=services.operator, server_time=services.clock())
        return Answer(status, body, "application/problem+json", _SECURITY_HEADERS)

    return guarded(app, translate)


def _fault_of(error: Exception) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, BodyTooLarge):
        return Fault("TS-1003")
    if isinstance(error, BodyTooSlow):
        return Fault("TS-1005")
    return Fault("TS-5099")


async def _dispatch(services: PublicServices, scope: Scope, receive: Receive) -> Answer:
    path = "/" + str(scope["path"]).strip("/")
    method = scope["method"]
    if method == "POST" and path.lower() == "/specifications":
        return await _specifications(services, receive)
    if method not in ("GET", "HEAD"):
        raise Fault("TS-1001", detail="this path does not take that method")
    if path.lower() == "/v":
        return await _verify(services, scope)
    if path.startswith("/Home/ChangeLanguage/"):
        return _change_language(scope, path.rpartition("/")[2])
    if path == STYLE_PATH:
        return Answer(200, STYLE.encode(), "text/css; charset=utf-8", ((b"cache-control", b"max-age=3600"),))
    if path == VALID_IMAGE_PATH:
        return Answer(200, _valid_picture(), "image/png", ((b"cache-control", b"max-age=86400"),))
    return await asyncio.to_thread(_ledger_path, services, path, _query(scope))


def _query(scope: Scope) -> Mapping[str, str]:
    text = bytes(scope["query_string"]).decode("ascii", "replace")
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _ledger_path(services: PublicServices, path: str, query: Mapping[str, str]) -> Answer:
    if path == "/checkpoint":
        note = services.checkpoint()
        if note is None:
            raise Fault("TS-4003", detail="the ledger is empty")
        return Answer(200, note, _TEXT, ((b"cache-control", b"no-store"),))
    if path.startswith("/tile/"):
        tile = services.tile(path.removeprefix("/"))
        if tile is None:
            raise Fault("TS-4003", detail="no such tile")
        return Answer(200, tile, "application/octet-stream", ((b"cache-control", b"max-age=31536000, immutable"),))
    if path.startswith("/proof/document/"):
        return _proof_file(services, unquote(path.removeprefix("/proof/document/")))
    if path == "/proof/consistency":
        hashes = services.consistency(_number(query.get("from", "")), _number(query.get("to", "")))
        return Answer(200, b"".join(node.hex().encode() + b"\n" for node in hashes), _TEXT)
    raise Fault("TS-1001", detail="no such path")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Fault("TS-4003", detail="a number is expected")
    return int(text)


def _proof_file(services: PublicServices, identity: str) -> Answer:
    if "-" in identity:
        number = SdcInvoiceNumber.parse(identity)
        document = services.find_document(number.requested_by, number.signed_by, number.ordinal)
        index = document.index if document is not None and document.acked else None
    else:
        index = _number(identity)
    proof = services.proof_file(index) if index is not None else None
    if proof is None:
        raise Fault("TS-4003", detail="no such document")
    headers = ((b"content-disposition", f'attachment; filename="{index}.tlog-proof"'.encode()),)
    return Answer(200, proof, _TEXT, headers)


def _wants_json(scope: Scope) -> bool:
    accept = (header(scope, b"accept") or b"").lower()
    return b"application/json" in accept and b"text/html" not in accept


def _is_browser(scope: Scope) -> bool:
    return b"text/html" in (header(scope, b"accept") or b"").lower()


def _language(services: PublicServices, scope: Scope) -> PageLanguage:
    for part in (header(scope, b"cookie") or b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == _COOKIE and unquote(value) in PAGE_LANGUAGES:
            return PAGE_LANGUAGES[unquote(value)]
    return services.default_language


async def _verify(services: PublicServices, scope: Scope) -> Answer:
    query = bytes(scope["query_string"]).decode("ascii", "replace")
    if len(query) > LIMITS.verification_url_bytes:
        verdict = Verdict(State.NOT_VERIFIABLE)
    else:
        verdict = await asyncio.to_thread(check, query, services.find_element, services.find_document)
    if verdict.state is State.NOT_VERIFIABLE:
        return _not_verifiable(services, scope, verdict)
    opened = opened_document(verdict)
    proof = None
    if verdict.document is not None:
        proof = await asyncio.to_thread(services.proof_of, verdict.document.index)
    if _wants_json(scope):
        return Answer(200, verification_json(verdict, opened, proof), "application/json", _SECURITY_HEADERS)
    return Answer(200, _page(services, scope, verdict, opened, proof, query).encode(), _HTML, _SECURITY_HEADERS)


def _not_verifiable(services: PublicServices, scope: Scope, verdict: Verdict) -> Answer:
    if not _is_browser(scope):
        return Answer(400, b"", _TEXT, _SECURITY_HEADERS)
    facts = PageFacts(verdict=verdict, query="", language=_language(services, scope), zone=services.zone)
    return Answer(400, render(facts).encode(), _HTML, _SECURITY_HEADERS)


def _page(
    services: PublicServices,
    scope: Scope,
    verdict: Verdict,
    opened: tuple[InvoiceRequest, InvoiceResult] | None,
    proof: Proof | None,
    query: str,
) -> str:
    data = verdict.data
    assert data is not None
    request, result = opened if opened is not None else (None, None)
    number = f"{data.requested_by}-{data.signed_by}-{data.total_counter}"
    return render(
        PageFacts(
            verdict=verdict,
            query=query,
            language=_language(services, scope),
            zone=services.zone,
            request=request,
            result=result,
            rows=item_rows(request, result) if request is not None and result is not None else (),
            qr_gif=qr_gif(result.verification_url) if result is not None and result.verification_url else b"",
            token=services.page_tokens.make(number, services.clock()),
            proof=proof,
        )
    )


async def _specifications(services: PublicServices, receive: Receive) -> Answer:
    form = parse_qs((await read_body(receive, LIMITS.control_call_bytes)).decode("utf-8", "replace"))
    number, token = (form.get(name, [""])[-1] for name in ("invoiceNumber", "token"))
    rows = None
    if services.page_tokens.take(token, number, services.clock()):
        rows = await asyncio.to_thread(_rows_of, services, SdcInvoiceNumber.parse(number))
    return Answer(200, specifications_json(rows), "application/json", _SECURITY_HEADERS)


def _rows_of(services: PublicServices, number: SdcInvoiceNumber) -> tuple[Mapping[str, object], ...]:
    document = services.find_document(number.requested_by, number.signed_by, number.ordinal)
    if document is None or not document.acked:
        return ()
    opened = opened_document(Verdict(State.VALID, document=document))
    return item_rows(*opened) if opened is not None else ()


def _change_language(scope: Scope, tag: str) -> Answer:
    if tag not in PAGE_LANGUAGES:
        raise Fault("TS-1007", detail="no such language")
    target = _query(scope).get("returnUrl", "/v/")
    if not target.startswith("/v/?"):
        target = "/v/"
    # The verification text may hold blanks that were plus signs: they are written as such again.
    target = quote(target.replace(" ", "+"), safe="/?=&%+")
    cookie = f"{_COOKIE}={tag}; Path=/; Max-Age={_COOKIE_SECONDS}; SameSite=Lax; HttpOnly"
    return Answer(302, b"", _TEXT, ((b"location", target.encode()), (b"set-cookie", cookie.encode())))


def _valid_picture() -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, 78, 78), fill=(0, 112, 60, 255))
    draw.line(((22, 42), (35, 56), (60, 28)), fill=(255, 255, 255, 255), width=9, joint="curve")
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
