"""Bodies of requests: their type, their coding, their size, and how much memory all of them may take together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tallystick.authority.channels.sdc.routes import Request
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import read_body

Headers = Mapping[bytes, bytes]

_JSON_TYPES = frozenset({b"", b"application/json", b"text/json", b"text/plain", b"application/octet-stream"})


class BodyBudget:
    """Memory for bodies that are being read or judged, all requests together."""

    def __init__(self, most_bytes: int) -> None:
        self._free = most_bytes

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold memory while the body is in work; raises ``TS-5002`` when there is none left."""
        if size > self._free:
            raise Fault("TS-5002", detail="too many requests are in work", retry_after_seconds=1)
        self._free -= size
        try:
            yield
        finally:
            self._free += size


def expected_bytes(headers: Headers, limit: int) -> int:
    """How much memory a body may take: its declared length, or the limit; raises ``TS-1003`` when over the limit."""
    declared = headers.get(b"content-length")  # the server has checked the digits
    if declared is None:
        return limit if b"transfer-encoding" in headers else 0
    if int(declared) > limit:
        raise Fault("TS-1003", detail=f"{int(declared)} bytes, at most {limit} are taken")
    return int(declared)


def check_coding(headers: Headers) -> None:
    """No content coding is taken here (``TS-1002``)."""
    coding = headers.get(b"content-encoding")
    if coding is not None and coding.strip().lower() not in (b"", b"identity"):
        raise Fault("TS-1002", detail="no content coding is taken here")


def check_json_type(headers: Headers) -> None:
    """The body must call itself JSON, or nothing in particular (``TS-1002``)."""
    stated = headers.get(b"content-type", b"")
    if stated in _JSON_TYPES:
        return
    name = stated.split(b";", 1)[0].strip().lower()
    if name not in _JSON_TYPES and not name.endswith(b"+json"):
        raise Fault("TS-1002", detail="send application/json")


async def small_body(request: Request, limit: int) -> bytes:
    """The body of a control call, of any type."""
    check_coding(request.headers)
    expected_bytes(request.headers, limit)
    return await read_body(request.receive, limit, None)
