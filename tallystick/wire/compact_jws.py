"""Signed JSON in compact form (RFC 7515), strictly: three parts, base64url without padding, exact members.

Signing and checking themselves are the caller's; what is signed is what was received, never a copy that was written
anew.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.wire.strict_json import parse

HEADER_BYTES_MAX = 1024
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


@attrs.frozen(slots=True, kw_only=True)
class CompactJws:
    """A read one: its header, the exact bytes of payload and signature, and the bytes that the signature is over."""

    header: Mapping[str, str]
    payload: bytes
    signature: bytes
    signing_input: bytes


def write_base64url(data: bytes) -> bytes:
    """Without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def read_base64url(text: bytes) -> bytes:
    """Undo ``write_base64url``; raises ``TS-1201`` for any other spelling of the same bytes."""
    if not _BASE64URL.fullmatch(text):
        raise Fault("TS-1201", detail="not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise Fault("TS-1201", detail="not base64url without padding") from None
    if write_base64url(data) != text:
        raise Fault("TS-1201", detail="base64url with bits that belong to nothing")
    return data


def signing_input(header: Mapping[str, str], payload: bytes) -> bytes:
    """``ASCII(header) "." ASCII(payload)``."""
    return write_base64url(msgspec.json.encode(dict(header), order="sorted")) + b"." + write_base64url(payload)


def assemble(signed: bytes, signature: bytes) -> bytes:
    """The compact form."""
    return signed + b"." + write_base64url(signature)


def read_compact(data: bytes, *, members: Mapping[str, str | None], max_bytes: int) -> CompactJws:
    """Read a compact form whose header has exactly ``members``, each with that value, or with any text where none.

    Raises ``TS-1003`` (too long) and ``TS-1201`` (form, members, values).
    """
    if len(data) > max_bytes:
        raise Fault("TS-1003", detail=f"more than {max_bytes} bytes")
    parts = data.split(b".")
    if len(parts) != 3:
        raise Fault("TS-1201", detail="a compact form has three parts")
    header = _read_header(read_base64url(parts[0]), members)
    payload, signature = read_base64url(parts[1]), read_base64url(parts[2])
    return CompactJws(
        header=header, payload=payload, signature=signature, signing_input=data[: len(parts[0]) + 1 + len(parts[1])]
    )


def _read_header(text: bytes, members: Mapping[str, str | None]) -> dict[str, str]:
    try:
        read = parse(text, max_bytes=HEADER_BYTES_MAX)
    except Fault as fault:
        raise Fault("TS-1201", detail=f"header: {fault.detail}") from None
    if not isinstance(read, dict) or set(read) != set(members):
        raise Fault("TS-1201", detail=f"the header has exactly the members {', '.join(sorted(members))}")
    header: dict[str, str] = {}
    for name, wanted in members.items():
        value = read[name]
        if not isinstance(value, str) or (wanted is not None and value != wanted):
            raise Fault("TS-1201", detail=f"the header's {name} is not what it must be")
        header[name] = value
    return header
