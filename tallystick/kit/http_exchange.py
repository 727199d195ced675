"""One request and its answer on a connection: uvicorn's cycle, with less work for each.

What repeats from answer to answer is made once and remembered, within bounds: the lines of the header section and the
parts of a request's target.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from functools import lru_cache
from typing import Any, NamedTuple, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_REMEMBERED = 1_024
_REMEMBERED_BYTES_MAX = 512
"""Longer targets and values are made anew each time, so that strangers cannot fill the memory."""
_WITHOUT_BODY = (204, 304)


class Target(NamedTuple):
    """What a request's target says: the path in letters, as it came, and the query."""

    path: str
    raw_path: bytes
    query: bytes


def target_of(url: bytes) -> Target:
    """Take a target apart; raises ``httptools.HttpParserInvalidURLError``, and ``UnicodeDecodeError`` for a path that
    is not ASCII."""
    return _remembered_target(url) if len(url) <= _REMEMBERED_BYTES_MAX else _target(url)


def _target(url: bytes) -> Target:
    parsed = httptools.parse_url(url)
    raw = parsed.path
    path = raw.decode("ascii")
    return Target(urllib.parse.unquote(path) if "%" in path else path, raw, parsed.query or b"")


_remembered_target = lru_cache(_REMEMBERED)(_target)


def header_line(name: bytes, value: bytes) -> bytes:
    """A line of an answer's header section; raises ``RuntimeError`` where it would be more than one, or none."""
    return _remembered_line(name, value) if len(value) <= _REMEMBERED_BYTES_MAX else _line(name, value)


def _line(name: bytes, value: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    return name.lower() + b": " + value + b"\r\n"


_remembered_line = lru_cache(_REMEMBERED)(_line)


class Bell:
    """An `asyncio.Event` for one who waits; it costs nothing while nobody does."""

    __slots__ = ("_rung", "_waiter")

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Ring."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Be silent again."""
        self._rung = False

    async def wait(self) -> None:
        """Wait until it rings, unless it has rung."""
        if not self._rung:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter


class Exchange(RequestResponseCycle):
    """Answers as the application says; what it says must be one well-formed answer, or the connection ends."""

    async def send(self, message: Any) -> None:
        """ASGI's ``send``."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"Expected ASGI message 'http.response.start', but got '{kind}'.")
            self._begin(message["status"], message.get("headers", ()))
        elif self.response_complete:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif kind != "http.response.body":
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got '{kind}'.")
        else:
            self._go_on(message.get("body", b""), message.get("more_body", False))

    def _begin(self, status: int, headers: Any) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        says_close = False
        for name, value in (*self.default_headers, *headers):
            line = header_line(name, value)
            lines.append(line)
            if line.startswith(b"content-length:") and self.chunked_encoding is None:
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif line == b"transfer-encoding: chunked\r\n":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif line.startswith(b"connection:") and b"close" in [one.strip() for one in value.lower().split(b",")]:
                self.keep_alive = False
                says_close = True
        if not self.keep_alive and not says_close:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _WITHOUT_BODY:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self.transport.write(b"".join(lines))

    def _go_on(self, body: bytes, more_body: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            part = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self.transport.write(part if more_body else part + b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("Response content longer than Content-Length")
            self.transport.write(body)
        if more_body:
            return
        if self.expected_content_length:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def bell() -> asyncio.Event:
    """A `Bell` where uvicorn wants an event; it only sets, clears and waits."""
    return cast("asyncio.Event", Bell())
