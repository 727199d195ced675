"""One HTTP call to a server that is not trusted: bounded in bytes and in time, no redirects, no proxies, no cookies."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_CHUNK_BYTES = 16 * 1024


class Away(Exception):
    """The server cannot be reached, is too slow, or says too much; the message says which."""


class Reply(NamedTuple):
    """What came back; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
    timeout_seconds: float = 5.0,
    most_bytes: int = 64 * 1024,
) -> Reply:
    """Call and wait; raises ``Away``. HTTPS checks the certificate as the system does."""
    deadline = time.monotonic() + timeout_seconds
    try:
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, timeout_seconds)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = _bounded(answer, connection, most_bytes, deadline)
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, content)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Away(f"{type(error).__name__}: {error}") from error


def _connection(scheme: str, host: str, port: int | None, timeout_seconds: float) -> http.client.HTTPConnection:
    if not host or scheme not in ("http", "https"):
        raise ValueError("not an address of HTTP or HTTPS")
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_seconds)


def _bounded(
    answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, most_bytes: int, deadline: float
) -> bytes:
    content = bytearray()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("too slow")
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(_CHUNK_BYTES)
        if not part:
            return bytes(content)
        content += part
        if len(content) > most_bytes:
            raise ValueError(f"more than {most_bytes} bytes")
