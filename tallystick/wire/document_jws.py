"""The signed form of a national document: a compact JWS with exactly the protected header that the wire allows.

What is signed is what was received, ``ASCII(header) "." ASCII(payload)``, and is never written anew (security, 3.3).
The identity of the act is the SHA-256 of the signing input, the hash of its body that of the whole compact form.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, sha256_of_both
from tallystick.kernel.identifiers import UINT32_MAX, Uid, parse_uid
from tallystick.kernel.instants import EPOCH, from_unix_ms

MEDIA_TYPE = "application/jose"
DOCUMENT = "tallystick-document+jws"
BATCH = "tallystick-batch+jws"
HEADER_BYTES_MAX = 1024
_HEADER_LETTERS_MAX = -(-HEADER_BYTES_MAX * 4 // 3)
DOCUMENT_BYTES_MAX = 256 * 1024
SIGNATURE_BYTES = 64
NONCE_BYTES = 16
CRITICAL: Final = ("ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time")
SEQUENCE_MAX = UINT32_MAX
"""A fiscal number holds the sequence number as the TaxCore wire holds a card's counter: four bytes."""

_MEMBERS = 4 + len(CRITICAL)
_QUOTES = 2 * (_MEMBERS + _MEMBERS - 1 + len(CRITICAL))
"""Around names, texts, and the words of ``crit``."""
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_BASE64 = bytes.maketrans(b"+/", b"-_")
_BASE64URL = _BASE64.translate(_FROM_BASE64)
_FOREIGN = bytes(set(range(256)) - set(_BASE64URL) - set(b"."))
_TO_BASE64 = bytes.maketrans(_BASE64URL + _FOREIGN, _BASE64 + b"!" * len(_FOREIGN))
"""To the letters that the decoder knows; what is none of base64url becomes one that it refuses. Dots part the parts."""
_END = (b'"', b'"', b'=="', b'="')
"""What the decoder wants behind the letters, by how many of them stand behind the last whole group of four."""
_LAST = (b"", b"", _BASE64[::16], _BASE64[::4])
"""The last letters that leave no stray bits, by the same number."""

Sign = Callable[[bytes], bytes]
"""Makes the 64 bytes of an ES256 signature over a signing input."""


class _Said(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The members of the header, each exactly once."""

    alg: Literal["ES256"]
    typ: str
    kid: str
    crit: tuple[str, ...]
    audience: str = msgspec.field(name="ts-aud")
    device: str = msgspec.field(name="ts-dev")
    nonce: str = msgspec.field(name="ts-nonce")
    previous: str = msgspec.field(name="ts-prev")
    sequence: str = msgspec.field(name="ts-seq")
    time: str = msgspec.field(name="ts-time")


_decode = msgspec.json.Decoder(_Said).decode
_decode_bytes = msgspec.json.Decoder(bytes).decode
_encode = msgspec.json.Encoder().encode


@attrs.frozen(slots=True, kw_only=True)
class DocumentHeader:
    """Who signed which place of its sequence, and when.

    ``kid`` is the SHA-256 of the signer's certificate (DER), ``audience`` the log's origin, ``previous`` the device
    link of the document before, ``time_ms`` Unix milliseconds UTC.
    """

    kid: bytes
    audience: str
    device: Uid
    sequence: int
    previous: bytes
    nonce: bytes
    time_ms: int
    typ: str = DOCUMENT

    @property
    def time(self) -> datetime:
        """The moment that the device stated."""
        return from_unix_ms(self.time_ms)

    @property
    def number(self) -> str:
        """The fiscal number: device, device again as its own signer, sequence."""
        return f"{self.device}-{self.device}-{self.sequence}"


@attrs.frozen(slots=True, kw_only=True)
class SignedDocument:
    """A document as it was received; nothing is checked but its form.

    ``act_hash`` identifies the act: the hash of what the device signed. ``body_hash`` is the hash of the whole compact
    form, which the links are made over. Whoever reads a document needs both, so they are made at once.
    """

    header: DocumentHeader
    payload: bytes
    signature: bytes
    signing_input: bytes
    compact: bytes
    act_hash: bytes
    body_hash: bytes


def write_signed(header: DocumentHeader, payload: bytes, sign: Sign) -> bytes:
    """The compact form of a document that `sign` signs; raises what `read_signed` would raise."""
    said = {
        "alg": "ES256",
        "crit": CRITICAL,
        "kid": _text(header.kid),
        "ts-aud": header.audience,
        "ts-dev": header.device,
        "ts-nonce": _text(header.nonce),
        "ts-prev": _text(header.previous),
        "ts-seq": str(header.sequence),
        "ts-time": write_time(header.time_ms),
        "typ": header.typ,
    }
    signing_input = _base64url(_encode(said)) + b"." + _base64url(payload)
    compact = signing_input + b"." + _base64url(sign(signing_input))
    read_signed(compact, typ=header.typ, bytes_max=len(compact))
    return compact


def read_signed(data: bytes, *, typ: str = DOCUMENT, bytes_max: int = DOCUMENT_BYTES_MAX) -> SignedDocument:
    """Read a compact form; raises ``TS-1003`` (size) and ``TS-1201`` for any other or missing
    member, spelling or length.
    """
    if len(data) > bytes_max:
        raise Fault("TS-1003", detail=f"more than {bytes_max} bytes")
    parts = data.translate(_TO_BASE64).split(b".")
    if len(parts) != 3 or len(parts[0]) > _HEADER_LETTERS_MAX:
        raise Fault("TS-1201", detail="a compact form has three parts and a header of at most 1 KiB")
    header = _read_header(_decoded(parts[0]), typ)
    signature = _decoded(parts[2])
    if len(signature) != SIGNATURE_BYTES:
        raise Fault("TS-1201", detail=f"a signature has {SIGNATURE_BYTES} bytes")
    payload = _decoded(parts[1])
    signed_bytes = len(parts[0]) + 1 + len(parts[1])
    signing_input = data[:signed_bytes]
    act_hash, body_hash = sha256_of_both(signing_input, data[signed_bytes:])
    return SignedDocument(
        header=header,
        payload=payload,
        signature=signature,
        signing_input=signing_input,
        compact=data,
        act_hash=act_hash,
        body_hash=body_hash,
    )


def header_of(beginning: bytes) -> DocumentHeader:
    """The header of a document of which only the beginning is at hand; raises ``TS-1201``."""
    text, found, _ = beginning.partition(b".")
    if not found or len(text) > _HEADER_LETTERS_MAX:
        raise Fault("TS-1201", detail="no header of at most 1 KiB")
    return _read_header(_decoded(text.translate(_TO_BASE64)), DOCUMENT)


def write_time(unix_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``."""
    return f"{from_unix_ms(unix_ms):%Y-%m-%dT%H:%M:%S}.{unix_ms % 1000:03d}Z"


def read_time(text: str) -> int:
    """Undo `write_time`: Unix milliseconds; raises ``TS-1201`` for any other spelling."""
    if _TIME.fullmatch(text) is None:
        raise Fault("TS-1201", detail="a time is RFC 3339 in UTC with milliseconds and Z")
    try:
        since = datetime.fromisoformat(text) - EPOCH
    except ValueError:
        raise Fault("TS-1201", detail="a time that no calendar has") from None
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _read_header(text: bytes, typ: str) -> DocumentHeader:
    try:
        said = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("TS-1201", detail="a member of the header lacks, or may not be there") from None
    if said.typ != typ or said.crit != CRITICAL or not _is_each_once(text):
        raise Fault("TS-1201", detail=f"typ is not {typ}, crit is another, or a member stands twice")
    if _SEQUENCE.fullmatch(said.sequence) is None or int(said.sequence) > SEQUENCE_MAX:
        raise Fault("TS-1201", detail=f"ts-seq is a number from 1 to {SEQUENCE_MAX}")
    return DocumentHeader(
        kid=_exactly(said.kid, HASH_BYTES),
        audience=said.audience,
        device=_device(said.device),
        sequence=int(said.sequence),
        previous=_exactly(said.previous, HASH_BYTES),
        nonce=_exactly(said.nonce, NONCE_BYTES),
        time_ms=read_time(said.time),
        typ=said.typ,
    )


def _is_each_once(text: bytes) -> bool:
    """Whether each member stands once, however the JSON is set. The decoder keeps the last of two."""
    if b"\\" in text:  # quotes may be escaped: rare, and looked at exactly
        return bool(json.loads(text, object_pairs_hook=len) == _MEMBERS)
    return text.count(b'"') == _QUOTES


def _device(text: str) -> Uid:
    try:
        return parse_uid(text)
    except Fault:
        raise Fault("TS-1201", detail="ts-dev is no device's UID") from None


def _exactly(text: str, length: int) -> bytes:
    data = _decoded(text.encode().translate(_TO_BASE64))
    if len(data) != length:
        raise Fault("TS-1201", detail=f"a value of the header has {length} bytes")
    return data


def _decoded(text: bytes) -> bytes:
    """Strict base64url, after `_TO_BASE64`: no other letters or padding, a length that can be, no stray bits.

    Read as a text of JSON that says bytes, for that decoder takes half as long as `binascii`.
    """
    rest = len(text) % 4
    if not rest or text[-1] in _LAST[rest]:
        try:
            return _decode_bytes(b'"' + text + _END[rest])
        except msgspec.DecodeError:
            pass
    raise Fault("TS-1201", detail="not base64url without padding and stray bits")


def _base64url(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_FROM_BASE64).rstrip(b"=")


def _text(data: bytes) -> str:
    return _base64url(data).decode("ascii")
