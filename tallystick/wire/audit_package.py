"""The audit package: the sealed envelope that travels, and the audit data inside it (S2-075 to S2-081; wire: 6.5)."""

from __future__ import annotations

import binascii
from base64 import b64encode

import attrs
import msgspec

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS, Limits
from tallystick.wire import strict_json
from tallystick.wire.audit_data import AuditData, read_audit_data, rescue_verification_url, write_audit_data
from tallystick.wire.pos_values import KeyNames

__all__ = [
    "AuditData",
    "SealedPackage",
    "read_audit_data",
    "read_sealed",
    "rescue_verification_url",
    "write_audit_data",
    "write_sealed",
]

_KEYS = KeyNames("key", "iv", "payload")
_SEALED_KEY_BYTES = 256  # one RSA-2048 block each for the AES key and the IV
_STRING_LIMITS: Limits = attrs.evolve(LIMITS, json_string_bytes=LIMITS.audit_package_bytes)


_QUOTES = 12


class _Sealed(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A package as it usually comes."""

    key: str
    iv: str
    payload: str


_decode = msgspec.json.Decoder(_Sealed).decode


@attrs.frozen(slots=True)
class SealedPackage:
    """RSA of the AES key, RSA of the IV, and AES-256-CBC of the audit data; raw bytes."""

    key: bytes
    iv: bytes
    payload: bytes


def read_sealed(body: bytes) -> SealedPackage:
    """Read a package as it arrives.

    A body that is no package at all is a JSON fault or `TS-1210` (HTTP 400); too large is `TS-1003`; what has the
    shape but cannot possibly be opened is `TS-1202`, like everything that fails later.
    """
    key, iv, payload = _plain_members(body) or _members(body)
    sealed = SealedPackage(_base64(key), _base64(iv), _base64(payload))
    if len(sealed.payload) > LIMITS.audit_payload_bytes:
        raise Fault("TS-1003", detail=f"a payload of {len(sealed.payload)} bytes")
    if len(sealed.key) != _SEALED_KEY_BYTES or len(sealed.iv) != _SEALED_KEY_BYTES:
        raise Fault("TS-1202", detail="the package cannot be opened")
    return sealed


def _plain_members(body: bytes) -> tuple[str, str, str] | None:
    """The three texts of a package that has nothing else in it; None sends it to the tolerant reader.

    Base64 has no quotes, so twelve of them are three keys and three texts, each once.
    """
    if len(body) > LIMITS.audit_package_bytes or body.count(b'"') != _QUOTES:
        return None
    try:
        members = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return members.key, members.iv, members.payload


def _members(body: bytes) -> tuple[str, str, str]:
    value = strict_json.parse(body, limits=_STRING_LIMITS, taxcore=True)
    members = _KEYS.of(value)[0] if isinstance(value, dict) else {}
    key, iv, payload = members.get("key"), members.get("iv"), members.get("payload")
    if not isinstance(key, str) or not isinstance(iv, str) or not isinstance(payload, str):
        missing = [name for name in ("key", "iv", "payload") if not isinstance(members.get(name), str)]
        fields = tuple(FieldFault(f"/{name}", "1") for name in missing)
        raise Fault("TS-1210", detail="not an audit package", fields=fields)
    return key, iv, payload


def write_sealed(package: SealedPackage) -> bytes:
    """The package as it travels and as it lies in a file."""
    parts = (b'{"key":"', package.key), (b'","iv":"', package.iv), (b'","payload":"', package.payload)
    return b"".join(part for head, value in parts for part in (head, b64encode(value))) + b'"}'


def _base64(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise Fault("TS-1202", detail="the package cannot be opened") from None
