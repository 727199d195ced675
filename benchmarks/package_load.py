"""Submits sealed packages over TLS on so many connections: as fast as the authority answers, or at a steady rate."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import cast

import attrs
import uvloop

from tallystick.wire.taxcore_api import TOKEN_HEADER

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


@attrs.define
class LoadResult:
    """What came back: answers by the status in them, seconds, and the time of each answer."""

    seconds: float = 0.0
    accepted: int = 0
    others: list[bytes] = attrs.field(factory=list)
    waits: list[float] = attrs.field(factory=list)


class _Connection(asyncio.Protocol):
    """One request at a time, the next as soon as the answer is there and its moment has come."""

    def __init__(self, requests: Iterator[tuple[float, bytes]], result: LoadResult, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._result = result
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        due, request = next(self._requests, (0.0, b""))
        if not request:
            self._transport.close()
            return
        early = due - time.perf_counter()
        if early > 0:
            asyncio.get_running_loop().call_later(early, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(_END_OF_HEAD)
        if not found:
            return
        at = head.lower().index(_LENGTH) + len(_LENGTH)
        if len(rest) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        self._result.waits.append(time.perf_counter() - self._sent_at)
        if head.startswith(b"HTTP/1.1 200") and b'"status":4' in rest:
            self._result.accepted += 1
        else:
            self._result.others.append(head.split(b"\r\n", 1)[0] + b" " + rest)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def submit(
    port: int,
    tls: ssl.SSLContext,
    token: str,
    bodies: Iterable[bytes],
    connections: int,
    *,
    rate: float | None = None,
) -> LoadResult:
    """Submit every package once; ``rate`` is packages a second, none is as fast as answers come."""
    return uvloop.run(_submit(port, tls, token, bodies, connections, rate))


async def _submit(
    port: int, tls: ssl.SSLContext, token: str, bodies: Iterable[bytes], connections: int, rate: float | None
) -> LoadResult:
    loop = asyncio.get_running_loop()
    fields = ("Host: 127.0.0.1", "Content-Type: application/json", f"{TOKEN_HEADER}: {token}", "Content-Length: ")
    head = "\r\n".join(("POST /api/v3/sdc/audit HTTP/1.1", *fields)).encode()
    start = time.perf_counter()
    requests = (
        (start + number / rate if rate else 0.0, b"%s%d\r\n\r\n%s" % (head, len(body), body))
        for number, body in enumerate(bodies)
    )
    result = LoadResult()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(
            lambda end=end: _Connection(requests, result, end),  # type: ignore[misc]  # bound on purpose
            "127.0.0.1",
            port,
            ssl=tls,
            server_hostname="127.0.0.1",
        )
    await asyncio.gather(*ends)
    result.seconds = time.perf_counter() - start
    return result
