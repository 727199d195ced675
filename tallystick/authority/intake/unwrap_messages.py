"""What the intake and the unwrap process say to each other, in bytes: one request a frame, one answer a frame.

Request: operation (u8), then for a package u16 length + key, u16 length + IV, payload; else the sealed bytes alone.
Answer: result (u8), then for a package u32 position and u16 length of the internal data, internal data, plain text;
else the plain text alone. A refusal has no reason in it: there is one fault for everything (K-11).
"""

from __future__ import annotations

import struct
from enum import IntEnum

import attrs

from tallystick.kernel.faults import Fault
from tallystick.wire.audit_package import SealedPackage

_LENGTH = struct.Struct(">H")
_FOUND = struct.Struct(">IH")


class Operation(IntEnum):
    """What is to be opened."""

    PACKAGE = 1
    INTERNAL_DATA = 2
    AUDIT_REQUEST = 3


class Result(IntEnum):
    """How it ended."""

    OPENED = 0
    REFUSED = 1
    BUSY = 2
    FAILED = 3


@attrs.frozen(slots=True)
class OpenedPackage:
    """The plain JSON, and the invoice's internal data if it was found and opened in the same go.

    ``position`` is where the Base64 text of the internal data starts in ``plain``; 0 when it was not found there.
    ``internal`` is empty when it did not open.
    """

    plain: bytes
    position: int = 0
    internal: bytes = b""


def write_package_request(sealed: SealedPackage) -> bytes:
    """The request to open a package."""
    key, iv = sealed.key, sealed.iv
    return b"".join(
        (b"\x01", _LENGTH.pack(len(key)), key, _LENGTH.pack(len(iv)), iv, sealed.payload)  # Operation.PACKAGE
    )


def read_package_request(request: bytes) -> SealedPackage:
    """The other way round, at the server; ``struct.error`` for a frame that no client of ours sends."""
    (key_bytes,) = _LENGTH.unpack_from(request, 1)
    (iv_bytes,) = _LENGTH.unpack_from(request, 3 + key_bytes)
    payload_at = 5 + key_bytes + iv_bytes
    return SealedPackage(request[3 : 3 + key_bytes], request[5 + key_bytes : payload_at], request[payload_at:])


def write_opened(opened: OpenedPackage) -> bytes:
    """The answer that carries an opened package."""
    return b"".join(
        (b"\x00", _FOUND.pack(opened.position, len(opened.internal)), opened.internal, opened.plain)  # Result.OPENED
    )


def read_opened(answer: bytes) -> OpenedPackage:
    """Read that answer; raises the faults of `read_answer` with ``TS-1202``."""
    body = read_answer(answer, "TS-1202")
    position, length = _FOUND.unpack_from(body)
    start = _FOUND.size + length
    return OpenedPackage(body[start:], position, body[_FOUND.size : start])


def read_answer(answer: bytes, refusal: str) -> bytes:
    """The plain bytes of an answer; raises the code ``refusal`` for a refusal and ``TS-5002`` when the queue is full.

    Raises ``TS-5004`` when the process failed for a reason of its own: that says nothing about the package.
    """
    result = answer[0]
    if result == Result.OPENED:
        return answer[1:]
    if result == Result.REFUSED:
        raise Fault(refusal)
    if result == Result.BUSY:
        raise Fault("TS-5002", detail="the queue for opening packages is full", retry_after_seconds=2)
    raise Fault("TS-5004", detail="a package could not be tried", retry_after_seconds=5)
