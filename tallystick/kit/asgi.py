"""ASGI in a few functions: read a bounded body, write an answer, turn every exception into an answer in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_GRACE_SECONDS = 5.0
_BYTES_PER_SECOND_MIN = 1024


class BodyTooLarge(Exception):
    """The sender sent more than the limit; the server throws away what still comes."""


class BodyTooSlow(Exception):
    """The sender took too long, or sent less than 1 KiB a second after the first five seconds."""


class ClientGone(Exception):
    """The sender closed the connection before its request was complete; nobody waits for an answer."""


class Answer(NamedTuple):
    """What goes back: status, body, its type, and further headers."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class AnswerInParts(NamedTuple):
    """What goes back part by part while it comes about."""

    status: int
    parts: AsyncIterator[bytes]
    content_type: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that lower-case name (the server lowers names as they arrive)."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def plain_method(scope: Scope) -> str:
    """The method to look for: HEAD is asked where GET is known, and the server drops the body (RFC 9110 §9.3.2)."""
    method = str(scope["method"])
    return "GET" if method == "HEAD" else method


def allowed(methods: Iterable[str]) -> str:
    """The value of ``Allow`` for a path that knows these methods."""
    known = set(methods)
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))


def raw_path(scope: Scope) -> bytes:
    """The path as it came, still percent-encoded."""
    return bytes(scope.get("raw_path") or scope["path"].encode())


def query_of(scope: Scope) -> dict[str, list[str]]:
    """The values of each name in the query, empty ones too; any bytes are a query, none of them an error."""
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def declared_length(scope: Scope) -> int | None:
    """The body's length as the sender declares it; none when it is sent in chunks. The server checked the digits."""
    text = header(scope, b"content-length")
    return int(text) if text is not None else None


async def read_body(receive: Receive, limit: int, timeout_seconds: float | None = 30) -> bytes:
    """Read the whole body of at most `limit` bytes; raises `BodyTooLarge`, `BodyTooSlow` or `ClientGone`.

    Without a timeout the pace is left to `http_server`, which looks at every body once a second: a timer a request is
    a tenth of the cost of a small one.
    """
    start = asyncio.get_running_loop().time() if timeout_seconds is not None else 0.0
    chunks: list[bytes] = []
    size = 0
    while True:
        if timeout_seconds is None:
            message = await receive()
        else:
            message = await _receive_until(receive, start + min(timeout_seconds, patience_seconds(size)))
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def patience_seconds(size: int) -> float:
    """How long a sender of so many bytes may have taken: five seconds, then 1 KiB a second."""
    return max(_GRACE_SECONDS, size / _BYTES_PER_SECOND_MIN)


async def _receive_until(receive: Receive, moment: float) -> Message:
    try:
        async with asyncio.timeout_at(moment):
            return await receive()
    except TimeoutError:
        raise BodyTooSlow from None


async def respond(
    send: Send,
    status: int,
    body: bytes = b"",
    content_type: str = "application/json",
    headers: Headers = (),
) -> None:
    """Send one complete answer; an empty body carries no content type."""
    fields = [(b"content-length", str(len(body)).encode())]
    if body:
        fields.append((b"content-type", content_type.encode()))
    fields.extend(headers)
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def respond_in_parts(send: Send, answer: AnswerInParts, headers: Headers = ()) -> None:
    """Send each part as it comes; an exception among them cuts the answer off, so that nobody takes it for whole."""
    fields = [(b"content-type", answer.content_type.encode()), *answer.headers, *headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    async for part in answer.parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def guarded(app: App, translate: Callable[[Exception, Scope], Answer]) -> App:
    """Wrap an application so that whatever it raises leaves as the answer that `translate` makes of it.

    A sender that went away gets nothing; an exception after the answer has begun goes on up, which closes the
    connection. Lifespan messages are none of ours.
    """

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        started = False

        def watched(message: Message) -> Awaitable[None]:
            nonlocal started
            started = True
            return send(message)

        try:
            await app(scope, receive, watched)
        except ClientGone:
            return
        except Exception as error:
            if started:
                raise
            answer = translate(error, scope)
            await respond(send, answer.status, answer.body, answer.content_type, answer.headers)

    return inner
