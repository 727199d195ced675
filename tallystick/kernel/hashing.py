"""Every hash of the house: tagged hashes, the links of the ledger's sequences, checksums and keyed hashes.

The only module that imports ``hashlib`` and ``hmac``. All integers in preimages are big-endian, times milliseconds.
The tag's length is at least 16, so no tagged preimage can be taken for an RFC 6962 leaf (0x00) or node (0x01).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable
from functools import lru_cache

TAG_PREFIX = "tallystick/v1/"
HASH_BYTES = 32
_U64 = 2**64 - 1


def sha256(data: bytes) -> bytes:
    """SHA-256 of bytes as received; 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_of_pieces(pieces: Iterable[bytes]) -> bytes:
    """SHA-256 of bytes that come piece by piece, such as a file that does not fit into memory."""
    begun = hashlib.sha256()
    for piece in pieces:
        begun.update(piece)
    return begun.digest()


def sha256_of_both(begin: bytes, rest: bytes) -> tuple[bytes, bytes]:
    """SHA-256 of a text, and of the same text with more behind it, in one walk over it."""
    begun = hashlib.sha256(begin)
    whole = begun.copy()
    whole.update(rest)
    return begun.digest(), whole.digest()


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
    return _finish(_DEVICE_LINK, previous, body_hash, _LINK.pack(previous, 8, _u64(number), 32, body_hash))


def taxpayer_genesis(salt: bytes, tin: str) -> bytes:
    """``T_0`` from 32 random bytes and the TIN, so that the chain's start does not give the TIN away."""
    if len(salt) != HASH_BYTES:
        raise ValueError("a taxpayer's salt has 32 bytes")
    return tagged_hash("taxpayer-genesis", salt, tin.encode("ascii"))


def taxpayer_link(previous: bytes, number: int, body_hash: bytes) -> bytes:
    """``T_n`` over the previous link, the position in the sequence (u64) and the body."""
    return _finish(_TAXPAYER_LINK, previous, body_hash, _LINK.pack(previous, 8, _u64(number), 32, body_hash))


def type_genesis(document_type: int) -> bytes:
    """``Y_0`` of a document type (u16)."""
    return tagged_hash("type-genesis", document_type.to_bytes(2, "big"))


def type_link(previous: bytes, document_type: int, number: int, body_hash: bytes) -> bytes:
    """``Y_n``: the national sequence of one document type (u16)."""
    fields = _TYPED_LINK.pack(previous, 2, document_type, 8, _u64(number), 32, body_hash)
    return _finish(_TYPE_LINK, previous, body_hash, fields)


def day_genesis(day: int) -> bytes:
    """``Z_0`` of a business day, counted in days since 1970-01-01 (i32)."""
    return tagged_hash("day-genesis", day.to_bytes(4, "big", signed=True))


def day_link(previous: bytes, day: int, number: int, body_hash: bytes, total: int) -> bytes:
    """``Z_n``: the national sequence of one business day, with its running total modulo 2^64 (amount x 10000)."""
    fields = _TOTALLED_LINK.pack(previous, 4, day, 8, _u64(number), 32, body_hash, 8, total & _U64)
    return _finish(_DAY_LINK, previous, body_hash, fields)


def record_commitment(salt: bytes, record: bytes) -> bytes:
    """What a public leaf says about a private record: a hash under 32 random bytes that are kept beside the record."""
    if len(salt) != HASH_BYTES:
        raise ValueError("a record's salt has 32 bytes")
    started = _RECORD.copy()
    started.update(salt + len(record).to_bytes(4, "big") + record)
    return started.digest()


def buyer_commitment(salt: bytes, buyer: str) -> bytes:
    """What a record says about a buyer: a hash under 32 random bytes that are kept elsewhere and can be erased.

    ``buyer`` is in the form of `kernel.identifiers.canonical_buyer`. Without the salt no list of all identifications
    of a country tells which one it was, nor which of two documents name the same.
    """
    if len(salt) != HASH_BYTES:
        raise ValueError("a buyer's salt has 32 bytes")
    before, after = around_buyer_salt(buyer)
    return sha256(before + salt + after)


def around_buyer_salt(buyer: str) -> tuple[bytes, bytes]:
    """What stands before and after the salt in that preimage, for a search that is made where the salts lie."""
    text = buyer.encode("utf-8")
    before = _tag("buyer-commitment") + HASH_BYTES.to_bytes(4, "big")
    return before, len(text).to_bytes(4, "big") + text


def activity_genesis() -> bytes:
    """Where the chain of the activity log begins."""
    return tagged_hash("activity-genesis")


def activity_link(previous: bytes, number: int, body: bytes) -> bytes:
    """The link of an act over the link before it, its number (u64) and its canonical bytes."""
    return tagged_hash("activity", previous, _u64(number), body)


def worm_genesis(uid: str, flags: int) -> bytes:
    """``R_0`` of a fiscal memory: binds it to its device and to what its header says of itself (u16)."""
    return tagged_hash("worm-genesis", uid.encode("ascii"), flags.to_bytes(2, "big"))


def worm_link(previous: bytes, number: int, time_ms: int, kind: int, data: bytes) -> bytes:
    """``R_n`` of a fiscal memory: the link before, the record's number (u64), time (i64, ms), kind (u8) and bytes."""
    time = time_ms.to_bytes(8, "big", signed=True)
    return tagged_hash("worm-record", previous, _u64(number), time, bytes((kind,)), data)


def worm_counter_check(fields: bytes) -> bytes:
    """The checksum of a slot of the counter's file, which a power cut may tear; never trust in it."""
    return tagged_hash("worm-counter", fields)


def md5_checksum(data: bytes) -> bytes:
    """MD5 as the checksum that the verification URL carries (K-09); never trust in it. 16 bytes."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes: pseudonyms and access tokens."""
    return hmac.digest(key, data, "sha256")


def same_bytes(left: bytes, right: bytes) -> bool:
    """Compare two secrets or keyed hashes in a time that does not depend on their content."""
    return hmac.compare_digest(left, right)


# Every document of a nation passes these: the same preimages as `tagged_hash` makes, begun once and copied.
_LINK = struct.Struct(">32sI8sI32s")
_TYPED_LINK = struct.Struct(">32sIHI8sI32s")
_TOTALLED_LINK = struct.Struct(">32sIiI8sI32sIQ")
_DEVICE_LINK, _TAXPAYER_LINK, _TYPE_LINK, _DAY_LINK, _RECORD = (
    hashlib.sha256(_tag(name) + HASH_BYTES.to_bytes(4, "big"))
    for name in ("device-link", "taxpayer-link", "type-link", "day-link", "record")
)


def _finish(begun: hashlib._Hash, previous: bytes, body_hash: bytes, fields: bytes) -> bytes:
    """The hash of a link whose tag and first length are hashed already; packing would hide hashes of another length."""
    if len(previous) != HASH_BYTES or len(body_hash) != HASH_BYTES:
        raise ValueError("links and body hashes have 32 bytes")
    started = begun.copy()
    started.update(fields)
    return started.digest()


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
