"""Bodies of requests: their type, their coding, their size, and how much memory all of them may take together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Receive, Scope, declared_length, header, read_body

_JSON_TYPES = frozenset({b"application/json", b"text/json", b"text/plain", b"application/octet-stream"})


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


def expected_bytes(scope: Scope, limit: int) -> int:
    """How much memory a body may take: its declared length, or the limit; raises ``TS-1003`` when over the limit."""
    declared = declared_length(scope)
    if declared is None:
        return limit if header(scope, b"transfer-encoding") is not None else 0
    if declared > limit:
        raise Fault("TS-1003", detail=f"{declared} bytes, at most {limit} are taken")
    return declared


def check_coding(scope: Scope) -> None:
    """No content coding is taken here (``TS-1002``)."""
    coding = header(scope, b"content-encoding")
    if coding is not None and coding.strip().lower() not in (b"", b"identity"):
        raise Fault("TS-1002", detail="no content coding is taken here")


def check_json_type(scope: Scope) -> None:
    """The body must call itself JSON, or nothing in particular (``TS-1002``)."""
    stated = header(scope, b"content-type")
    if stated is None:
        return
    name = stated.split(b";", 1)[0].strip().lower()
    if name and name not in _JSON_TYPES and not name.endswith(b"+json"):
        raise Fault("TS-1002", detail="send application/json")


async def small_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The body of a control call."""
    check_coding(scope)
    expected_bytes(scope, limit)
    return await read_body(receive, limit)
