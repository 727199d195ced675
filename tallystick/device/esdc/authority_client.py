"""A small HTTPS client for one authority: one kept connection, bounded answers, its certificate checked (S2-092).

The client certificate of the card is shown only where the token is fetched, on a connection of its own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import attrs

from tallystick.crypto.tls import tls_client_context
from tallystick.device.esdc.token_connection import token_connection
from tallystick.device.secure_element import CardUnavailable, TokenClient, TokenIdentity
from tallystick.wire.taxcore_api import BUILD_HEADER

T = TypeVar("T")

_HEAD_BYTES = 16 * 1024
_BODY_BYTES = 4 * 1024 * 1024
_CHUNK_LINE_BYTES = 1024


class AuthorityAway(Exception):
    """The authority cannot be reached, does not answer in time, or asks to come back later."""

    def __init__(self, reason: str, retry_after_seconds: float = 0) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


@attrs.frozen(slots=True)
class HttpAnswer:
    """Status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@attrs.frozen(slots=True)
class Address:
    """Where TaxCore.API is; the base path has no slash at its end."""

    host: str
    port: int
    base: str

    @classmethod
    def of(cls, api_url: str) -> Address:
        """Read the URL of a card's certificate; raises `AuthorityAway` when it is no HTTPS address."""
        try:
            parts = urlsplit(api_url)
            host, port = parts.hostname, parts.port or 443
        except ValueError:
            host, port, parts = None, 0, urlsplit("")
        if parts.scheme != "https" or not host:
            raise AuthorityAway("the card names no HTTPS address of its authority")
        return cls(host, port, parts.path.rstrip("/"))


class AuthorityClient:
    """Calls to TaxCore.API, one after another. Every method raises `AuthorityAway`."""

    def __init__(
        self, authority_ca: Path, token_client: TokenClient, timeout_seconds: float, build_id: str = ""
    ) -> None:
        self._ca = authority_ca
        self._build = {BUILD_HEADER: build_id} if build_id else {}
        self._token_client = token_client
        self._timeout = timeout_seconds
        self._context: ssl.SSLContext | None = None
        self._address: Address | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, api_url: str, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        """One request on the kept connection; a stale one is replaced, since every call may be repeated."""
        address = Address.of(api_url)
        if address != self._address:
            await self.close()
            self._address = address
        if self._context is None:
            self._context = _context(lambda: tls_client_context(self._ca))
        head = _request_head(address, method, path, body, headers)
        if self._streams is not None:
            try:
                return await self._exchange(head, body)
            except AuthorityAway:
                await self.close()
        self._streams = await self._connect(address, self._context)
        try:
            return await self._exchange(head, body)
        except AuthorityAway:
            await self.close()
            raise

    async def call_with_certificate(self, api_url: str, uid: str, path: str) -> HttpAnswer:
        """A GET that shows the client certificate of a card's PKI applet, on a connection of its own."""
        address = Address.of(api_url)
        try:
            identity = self._token_client.token_client(uid)
        except CardUnavailable as error:
            raise AuthorityAway(f"no client certificate: {error}") from error
        head = _request_head(address, "GET", path, None, {"Connection": "close"} | self._build)
        if isinstance(identity, TokenIdentity):
            return await self._bounded(self._through_token(identity, address, uid, head))
        context = _context(lambda: tls_client_context(self._ca, identity.certificate, identity.key))
        streams = await self._connect(address, context)
        try:
            return await self._bounded(_exchange(streams, head, None))
        finally:
            await _close(streams)

    async def _through_token(self, identity: TokenIdentity, address: Address, uid: str, head: bytes) -> HttpAnswer:
        """The same exchange over a child that holds the connection, since the key cannot come to us."""
        opening = token_connection(
            identity, uid=uid, host=address.host, port=address.port, ca=self._ca, read_limit=_HEAD_BYTES
        )
        async with opening as streams:
            return await _exchange(streams, head, None)

    async def close(self) -> None:
        """Close the kept connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            await _close(streams)

    async def _connect(
        self, address: Address, context: ssl.SSLContext
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        opening = asyncio.open_connection(address.host, address.port, ssl=context, limit=_HEAD_BYTES)
        return await self._bounded(opening)

    async def _exchange(self, head: bytes, body: bytes | None) -> HttpAnswer:
        assert self._streams is not None
        answer = await self._bounded(_exchange(self._streams, head, body))
        if answer.headers.get("connection", "").lower() == "close":
            await self.close()
        return answer

    async def _bounded(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await work
        except TimeoutError as error:
            raise AuthorityAway("no answer in time") from error
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
            raise AuthorityAway(f"no connection: {error}") from error


def _context(make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    try:
        return make()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise AuthorityAway(f"TLS cannot be set up: {error}") from error


def _request_head(address: Address, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {address.base}{path} HTTP/1.1", f"Host: {address.host}:{address.port}"]
    lines.append("Accept: application/json")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _exchange(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], head: bytes, body: bytes | None
) -> HttpAnswer:
    reader, writer = streams
    writer.write(head + body if body else head)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, status, *_ = lines[0].split(" ", 2)
    if not version.startswith("HTTP/1."):
        raise ValueError("not an HTTP answer")
    fields = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    return HttpAnswer(int(status), headers, await _read_body(reader, int(status), headers))


async def _read_body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in (204, 304):
        return b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _BODY_BYTES:
        raise ValueError("an answer of that size is not read")
    return await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        length = int(line.split(b";")[0], 16)
        size += length
        if not 0 <= size <= _BODY_BYTES or len(line) > _CHUNK_LINE_BYTES:
            raise ValueError("an answer of that size is not read")
        if length == 0:
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return b"".join(chunks)
        chunks.append(await reader.readexactly(length))
        await reader.readexactly(2)


async def _close(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    _, writer = streams
    writer.close()
    try:
        async with asyncio.timeout(2):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        return
