"""The POS API, version 3, as the field's clients speak it (wire: chapters 2 and 3): HTTP in, codes out, no rules.

`/openapi.json` describes it. With `older` set, the paths without a version that one maker's clients use work as well.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Protocol

from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device import PinPaused, StorageFull
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.own_codes import own_codes
from tallystick.device.esdc.pos_codes import BrowserRefused
from tallystick.device.esdc.pos_gate import KEY_HEADER, PosGate
from tallystick.kernel.faults import PosFault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import (
    Answer,
    App,
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Scope,
    Send,
    guarded,
    raw_path,
    read_body,
    respond,
)
from tallystick.kit.asgi import header as header_of
from tallystick.kit.http_server import Refusal
from tallystick.wire.openapi_pos import pos_api
from tallystick.wire.pos_invoice import encode_json, error_answer
from tallystick.wire.pos_languages import LanguageNotOffered
from tallystick.wire.pos_request_id import asked_request_id, header_text

log = logging.getLogger(__name__)

PREFIX = "/api/v3/"
OLDER_PREFIX = "/api/"
DESCRIPTION_PATH = "/openapi.json"
JSON = "application/json; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
_PIN_BODY_BYTES = 256
_SLASHES = re.compile("/{2,}")
_CLOSE = ((b"connection", b"close"),)
_RETRY_SOON = ((b"retry-after", b"1"),)
_RETRY_LATER = ((b"retry-after", b"60"),)


class QueueFull(Exception):
    """As many requests wait as are allowed to: HTTP 503."""


class Counter(Protocol):
    """What stands behind this API: one slot of an E-SDC."""

    async def status(self) -> bytes:
        """The body of GET status."""

    async def environment_parameters(self) -> bytes:
        """The environment document; raises `PosFault`."""

    async def verify_pin(self, pin: str) -> None:
        """Present a PIN; raises `PosFault` and `PinPaused`."""

    async def sell(self, order: Order, answer: Callable[[bytes], Awaitable[None]]) -> None:
        """Fiscalise and hand the answer over; raises what `Device.sell` raises, and `QueueFull`."""

    async def find_invoice(self, request_id: str) -> bytes | None:
        """A stored answer; raises `PosFault`."""


Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
_OPEN_GATE = PosGate()


def build_app(counter: Counter, gate: PosGate = _OPEN_GATE, *, older: bool = False) -> App:
    """The ASGI application of one slot. Hand `refuse` to its server as well."""
    api = guarded(_PosApi(counter, gate, older=older).serve, _translate)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await api(scope, receive, gate.answering(scope, send))

    return app


@cache
def description() -> bytes:
    """The OpenAPI document of this API, with the codes of this make."""
    return encode_json(pos_api(own_codes()))


def routes() -> dict[str, tuple[str, ...]]:
    """Every path with its methods, as `/openapi.json` must have them; HEAD and OPTIONS go without saying."""
    table = {f"{PREFIX}{name}": tuple(methods) for name, methods in _METHODS.items()}
    return {**table, f"{PREFIX}invoices/{{requestId}}": ("GET",), DESCRIPTION_PATH: ("GET",)}


_METHODS: Mapping[str, Mapping[str, str]] = {
    "attention": {"GET": "_attention"},
    "status": {"GET": "_status"},
    "environment-parameters": {"GET": "_environment"},
    "pin": {"POST": "_pin"},
    "invoices": {"POST": "_sell"},
}
"""The handlers of `_PosApi` by path and method."""


class _PosApi:
    def __init__(self, counter: Counter, gate: PosGate, *, older: bool) -> None:
        self._counter = counter
        self._gate = gate
        self._older = older
        self._routes: dict[str, dict[str, Handler]] = {
            path: {method: getattr(self, name) for method, name in methods.items()}
            for path, methods in _METHODS.items()
        }

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        self._gate.check(scope)
        methods = self._find_route(scope)
        if methods is None:
            await respond(send, 404, _coded(StatusCode.INVALID_VALUE), JSON)
            return
        allowed = (*methods, *(("HEAD",) if "GET" in methods else ()), "OPTIONS")
        allow = (b"allow", ", ".join(allowed).encode())
        handler = methods.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if handler is not None:
            await handler(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await respond(send, 200, headers=(allow, *self._gate.preflight_headers(scope, allowed)))
        else:
            await respond(send, 405, _coded(StatusCode.INVALID_VALUE), JSON, (allow,))

    def _find_route(self, scope: Scope) -> Mapping[str, Handler] | None:
        lowered = _SLASHES.sub("/", scope["path"]).rstrip("/").lower()
        if lowered == DESCRIPTION_PATH:
            return {"GET": self._describe}
        if lowered.startswith(PREFIX):
            name = lowered[len(PREFIX) :]
        elif self._older and lowered.startswith(OLDER_PREFIX):
            name = lowered[len(OLDER_PREFIX) :]
        else:
            return None
        if name.startswith("invoices") and asked_request_id(raw_path(scope)):
            return {"GET": self._find}
        return self._routes.get(name)

    async def _describe(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, description(), JSON)

    async def _attention(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200)

    async def _status(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await self._counter.status(), JSON)

    async def _environment(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await self._counter.environment_parameters(), JSON)

    async def _sell(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _text(scope, b"requestid")
        if request_id is not None and len(request_id) > LIMITS.request_id_characters:
            raise PosFault.single(StatusCode.VALUE_TOO_LONG, "RequestId")
        body = await read_body(receive, LIMITS.pos_request_bytes)
        order = Order(
            body=body,
            request_id=request_id or None,
            accept_language=_text(scope, b"accept-language"),
            api_key=_text(scope, KEY_HEADER.lower().encode()),
        )

        async def answer(result: bytes) -> None:
            await respond(send, 200, result, JSON)

        await self._counter.sell(order, answer)

    async def _find(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 200, await self._counter.find_invoice(asked_request_id(raw_path(scope))) or b"null", JSON)

    async def _pin(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, _PIN_BODY_BYTES)
        status, code = await self._try_pin(body)
        plain = wants_plain_text(_text(scope, b"accept"))
        await respond(send, status, (code if plain else f'"{code}"').encode(), PLAIN if plain else JSON)

    async def _try_pin(self, body: bytes) -> tuple[int, str]:
        """HTTP status and code for a PIN (wire: 2.8)."""
        pin = body.decode("utf-8-sig", "replace").strip().strip("\"'").strip()
        try:
            await self._counter.verify_pin(pin)
        except PosFault as fault:
            code = fault.errors[0].code
        except PinPaused:
            code = StatusCode.UNDEFINED_WARNING
        else:
            return 200, StatusCode.PIN_OK
        return PIN_HTTP_STATUS.get(code, 400), code


PIN_HTTP_STATUS: dict[str, int] = {
    StatusCode.CARD_NOT_PRESENT: 200,
    StatusCode.PIN_NOT_OK: 423,
    StatusCode.CARD_LOCKED: 423,
}


def wants_plain_text(accept: str | None) -> bool:
    """Whether the PIN's answer goes out as bare digits: for a client that asks for text and not for JSON (C-03)."""
    accepted = (accept or "").lower()
    return "text/plain" in accepted and "json" not in accepted and "*/*" not in accepted


def refuse(refusal: Refusal) -> Answer:
    """What the server itself answers, in the shape of this API: framing, slowness, too large a head."""
    code = StatusCode.VALUE_TOO_LONG if refusal is Refusal.HEADER_TOO_LARGE else StatusCode.INVALID_FORMAT
    return Answer(refusal.value, _coded(code), JSON)


def _text(scope: Scope, name: bytes) -> str | None:
    value = header_of(scope, name)
    return None if value is None else header_text(value)


def _coded(code: StatusCode, property: str = "") -> bytes:
    return error_answer(PosFault.single(code, property))


def _translate(error: Exception, scope: Scope) -> Answer:
    """The one place where what went wrong becomes an answer to a POS."""
    if isinstance(error, BrowserRefused):
        return Answer(403, error_answer(error), JSON)
    if isinstance(error, PosFault):
        return Answer(400, error_answer(error), JSON)
    if isinstance(error, LanguageNotOffered):
        return Answer(406, _coded(StatusCode.INVALID_VALUE, "Accept-Language"), JSON)
    if isinstance(error, BodyTooLarge):
        return Answer(413, _coded(StatusCode.LIST_TOO_LONG), JSON, _CLOSE)
    if isinstance(error, BodyTooSlow):
        return Answer(408, _coded(StatusCode.INVALID_FORMAT), JSON, _CLOSE)
    if isinstance(error, QueueFull):
        return Answer(503, _coded(StatusCode.UNDEFINED_WARNING), JSON, _RETRY_SOON)
    if isinstance(error, StorageFull):
        return Answer(503, _coded(StatusCode.STORAGE_ALMOST_FULL), JSON, _RETRY_LATER)
    if isinstance(error, StoreBroken):
        return Answer(503, _coded(StatusCode.UNDEFINED_WARNING), JSON, _RETRY_LATER)
    log.error("a request failed for a reason of our own", exc_info=error)
    return Answer(500, _coded(StatusCode.UNDEFINED_WARNING), JSON)
