"""Every hash of the house: tagged hashes, the links of the ledger's sequences, checksums and keyed hashes.

The only module that imports ``hashlib`` and ``hmac``. All integers in preimages are big-endian, times milliseconds.
The tag's length is at least 16, so no tagged preimage can be taken for an RFC 6962 leaf (0x00) or node (0x01).
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

TAG_PREFIX = "tallystick/v1/"
HASH_BYTES = 32
_U64 = 2**64 - 1


def sha256(data: bytes) -> bytes:
    """SHA-256 of bytes as received; 32 bytes."""
    return hashlib.sha256(data).digest()


def tagged_hash(name: str, *fields: bytes) -> bytes:
    """``SHA-256(u8(len tag) || tag || u32be(len f1) || f1 || ...)`` with tag ``tallystick/v1/<name>``; 32 bytes."""
    parts = [_tag(name)]
    for field in fields:
        parts.append(len(field).to_bytes(4, "big"))
        parts.append(field)
    return hashlib.sha256(b"".join(parts)).digest()


@lru_cache(maxsize=256)
def _tag(name: str) -> bytes:
    tag = (TAG_PREFIX + name).encode("ascii")
    if not name or len(tag) > 255:
        raise ValueError(f"a tag of {len(tag)} bytes")
    return bytes([len(tag)]) + tag


def device_genesis(uid: str, certificate_sha256: bytes, registration_leaf_hash: bytes) -> bytes:
    """``D_0``: binds a device to its certificate and to the leaf of its registration.

    ``uid`` is the signer's UID; for a device that is a pair of two UIDs it is ``requestedBy-signedBy``.
    """
    return tagged_hash("device-genesis", uid.encode("ascii"), certificate_sha256, registration_leaf_hash)


def device_link(previous: bytes, number: int, body_hash: bytes) -> bytes:
    """``D_n`` over the previous link, the position in the sequence (u64) and the body."""
    return tagged_hash("device-link", previous, _u64(number), body_hash)


def taxpayer_genesis(salt: bytes, tin: str) -> bytes:
    """``T_0`` from 32 random bytes and the TIN, so that the chain's start does not give the TIN away."""
    if len(salt) != HASH_BYTES:
        raise ValueError("a taxpayer's salt has 32 bytes")
    return tagged_hash("taxpayer-genesis", salt, tin.encode("ascii"))


def taxpayer_link(previous: bytes, number: int, body_hash: bytes) -> bytes:
    """``T_n`` over the previous link, the position in the sequence (u64) and the body."""
    return tagged_hash("taxpayer-link", previous, _u64(number), body_hash)


def type_genesis(document_type: int) -> bytes:
    """``Y_0`` of a document type (u16)."""
    return tagged_hash("type-genesis", document_type.to_bytes(2, "big"))


def type_link(previous: bytes, document_type: int, number: int, body_hash: bytes) -> bytes:
    """``Y_n``: the national sequence of one document type (u16)."""
    return tagged_hash("type-link", previous, document_type.to_bytes(2, "big"), _u64(number), body_hash)


def day_genesis(day: int) -> bytes:
    """``Z_0`` of a business day, counted in days since 1970-01-01 (i32)."""
    return tagged_hash("day-genesis", day.to_bytes(4, "big", signed=True))


def day_link(previous: bytes, day: int, number: int, body_hash: bytes, total: int) -> bytes:
    """``Z_n``: the national sequence of one business day, with its running total modulo 2^64 (amount x 10000)."""
    fields = (day.to_bytes(4, "big", signed=True), _u64(number), body_hash, _u64(total & _U64))
    return tagged_hash("day-link", previous, *fields)


def record_commitment(salt: bytes, record: bytes) -> bytes:
    """What a public leaf says about a private record: a hash under 32 random bytes that are kept beside the record."""
    if len(salt) != HASH_BYTES:
        raise ValueError("a record's salt has 32 bytes")
    return tagged_hash("record", salt, record)


def md5_checksum(data: bytes) -> bytes:
    """MD5 as the checksum that the verification URL carries (K-09); never trust in it. 16 bytes."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes: pseudonyms and access tokens."""
    return hmac.digest(key, data, "sha256")


def same_bytes(left: bytes, right: bytes) -> bool:
    """Compare two secrets or keyed hashes in a time that does not depend on their content."""
    return hmac.compare_digest(left, right)


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
