"""One-time codes of enrolment: 128 random bits as 26 characters, of which only a hash is kept (security 2.4)."""

from __future__ import annotations

import base64
import secrets

from tallystick.kernel.hashing import tagged_hash

_BYTES = 16
CODE_CHARACTERS = 26


def new_code() -> str:
    """A new code, in the alphabet of RFC 4648 base32: no 0, 1, 8 or 9, which are misread."""
    return base64.b32encode(secrets.token_bytes(_BYTES)).decode().rstrip("=")


def show_code(code: str) -> str:
    """In groups, as it is printed for a person."""
    return "-".join(code[start : start + 5] for start in range(0, len(code), 5))


def code_hash(text: str) -> bytes:
    """What a typed code is found by: case, blanks and hyphens do not matter."""
    plain = "".join(text.split()).replace("-", "").upper()
    return tagged_hash("enrolment-code", plain.encode("utf-8", "replace"))
