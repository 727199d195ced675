"""Documents of the national channels: a compact JWS with exactly the protected header that the wire allows, ES256.

What is checked is what the form promises: header, signature over the received bytes, device, place in the device's
sequence and the link before it. The payload's amounts have no published schema yet and are not recomputed here.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tallystick.crypto.signatures import verify_document_es256
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.hashes import sha256

if TYPE_CHECKING:
    from tallystick.verifier.documents import Case

JWS_MEDIA_TYPE = "application/jose"
HEADER_BYTES_MAX = 1024
TYPE = "tallystick-document+jws"
CRITICAL = ("ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time")
_MEMBERS = frozenset({"alg", "typ", "kid", "crit", *CRITICAL})
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)


class Header(NamedTuple):
    """The protected header, checked; ``signed`` are the bytes under the signature."""

    kid: bytes
    audience: str
    device: str
    sequence: int
    previous: bytes
    time_ms: int
    signed: bytes
    signature: bytes


def read_jws(body: bytes) -> Header:
    """Read a compact JWS; raises ``TS-1201`` for any other or missing member, spelling or length."""
    parts = body.split(b".")
    if len(parts) != 3 or len(parts[0]) > HEADER_BYTES_MAX:
        raise Fault("TS-1201", detail="a compact JWS has three parts and a header of at most 1 KiB")
    header, signature = _from_base64url(parts[0]), _from_base64url(parts[2])
    _ = _from_base64url(parts[1])
    try:
        said = msgspec.json.decode(header, type=dict[str, str | list[str]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("TS-1201", detail="the header is no object of texts") from None
    if said.keys() != _MEMBERS or header.count(b'":') != len(_MEMBERS):
        raise Fault("TS-1201", detail="a member of the header lacks, stands twice, or may not be there")
    crit = said.pop("crit")
    texts = {name: value for name, value in said.items() if isinstance(value, str)}
    if len(texts) != len(said) or crit != list(CRITICAL) or texts["typ"] != TYPE or texts["alg"] != "ES256":
        raise Fault("TS-1201", detail="alg, typ or crit are not those of a document")
    sequence, moment = texts["ts-seq"], texts["ts-time"]
    if not re.fullmatch(r"[1-9][0-9]{0,18}", sequence) or not _TIME.fullmatch(moment) or len(signature) != 64:
        raise Fault("TS-1201", detail="ts-seq, ts-time or the signature have another form")
    try:
        time_ms = unix_ms(datetime.fromisoformat(moment).astimezone(UTC))
    except ValueError:
        raise Fault("TS-1201", detail="ts-time is no time") from None
    return Header(
        _hash(texts["kid"]),
        texts["ts-aud"],
        texts["ts-dev"],
        int(sequence),
        _hash(texts["ts-prev"]),
        time_ms,
        parts[0] + b"." + parts[1],
        signature,
    )


def check_jws(case: Case) -> Iterator[tuple[BreakCode, str]]:
    """A document under ES256 (P-256)."""
    record = case.record
    try:
        header = read_jws(case.body)
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    der = case.certificates.get(header.kid)
    if der is None:
        yield BreakCode.CERTIFICATE, "the certificate is not in the export"
        return
    try:
        signer = case.trust.device(der)
        case.trust.check(signer, header.time_ms)
    except Fault as fault:
        yield BreakCode.CERTIFICATE, str(fault)
        return
    try:
        moment = from_unix_ms(header.time_ms)
        verify_document_es256(signer.certificate.public_key, header.signed, header.signature, moment=moment)
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    yield from _binding(header, case, signer.certificate.uid)
    if record.act_hash != sha256(header.signed).hex():
        yield BreakCode.BINDING, "the record names another act than the one that was signed"


def _binding(header: Header, case: Case, uid: str) -> Iterator[tuple[BreakCode, str]]:
    record = case.record
    if header.kid.hex() != record.certificate_hash or header.device != uid:
        yield BreakCode.BINDING, "the key is not that of the device in the record"
    if record.device.rpartition("-")[2] != header.device or record.issued_at != str(header.time_ms):
        yield BreakCode.BINDING, "device or time of the record are not the signed ones"
    if header.audience != case.origin:
        yield BreakCode.BINDING, f"signed for the log {header.audience}"
    if record.device_seq != str(header.sequence) or record.device_prev != header.previous.hex():
        yield BreakCode.DEVICE_LINK, "the device signed another place in its sequence, or another link before it"


def _hash(text: str) -> bytes:
    data = _from_base64url(text.encode())
    if len(data) != 32:
        raise Fault("TS-1201", detail="kid and ts-prev have 32 bytes")
    return data


def _from_base64url(text: bytes) -> bytes:
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Fault("TS-1201", detail="not base64url without padding")
    try:
        data = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except Base64Error:
        raise Fault("TS-1201", detail="not base64url without padding") from None
    if urlsafe_b64encode(data).rstrip(b"=") != text:
        raise Fault("TS-1201", detail="base64url with stray bits")
    return data
