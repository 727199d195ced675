"""Bodies of requests: their type, their coding, their size."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.kernel.faults import Fault

Headers = Mapping[bytes, bytes]


def expected_bytes(headers: Headers, limit: int) -> int:
    """How much memory a body may take: its declared length, or the limit; raises ``TS-1003`` when over the limit."""
    declared = headers.get(b"content-length")  # the server has checked the digits
    if declared is None:
        return limit if b"transfer-encoding" in headers else 0
    size = int(declared)
    if size > limit:
        raise Fault("TS-1003", detail=f"{size} bytes, at most {limit} are taken")
    return size


def check_coding(headers: Headers) -> None:
    """No content coding is taken here (``TS-1002``)."""
    coding = headers.get(b"content-encoding")
    if coding is not None and coding.strip().lower() not in (b"", b"identity"):
        raise Fault("TS-1002", detail="no content coding is taken here")


def check_type(headers: Headers, wanted: bytes) -> None:
    """The body's type must be said (``TS-1002``)."""
    told = headers.get(b"content-type", b"")
    if told != wanted and told.partition(b";")[0].strip().lower() != wanted:
        raise Fault("TS-1002", detail=f"send {wanted.decode('ascii')}")
