"""Documents of the national channels: a compact JWS with exactly the protected header that the wire allows, ES256.

What is checked is what the form promises: header, signature over the received bytes, device, place in the device's
sequence and the link before it. The payload's amounts have no published schema yet and are not recomputed here.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import EPOCH, from_unix_ms
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.hashes import sha256

if TYPE_CHECKING:
    from tallystick.verifier.documents import Case

JWS_MEDIA_TYPE = "application/jose"
HEADER_BYTES_MAX = 1024
CRITICAL = ("ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time")
SIGNATURE_BYTES = 64
_MEMBERS = 4 + len(CRITICAL)
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_LAST = {2: _ALPHABET[::16], 3: _ALPHABET[::4]}


class _Said(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The members of the header, each exactly once."""

    alg: Literal["ES256"]
    typ: Literal["tallystick-document+jws"]
    kid: str
    crit: tuple[str, ...]
    audience: str = msgspec.field(name="ts-aud")
    device: str = msgspec.field(name="ts-dev")
    nonce: str = msgspec.field(name="ts-nonce")
    previous: str = msgspec.field(name="ts-prev")
    sequence: str = msgspec.field(name="ts-seq")
    time: str = msgspec.field(name="ts-time")


_decode = msgspec.json.Decoder(_Said).decode


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
    _check_base64url(parts[1])
    try:
        said = _decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault(
            "TS-1201", detail="a member of the header lacks, may not be there, or is none of a document"
        ) from None
    if said.crit != CRITICAL or header.count(b'":') != _MEMBERS:
        raise Fault("TS-1201", detail="crit is not that of a document, or a member stands twice")
    if not _SEQUENCE.fullmatch(said.sequence) or not _TIME.fullmatch(said.time) or len(signature) != SIGNATURE_BYTES:
        raise Fault("TS-1201", detail="ts-seq, ts-time or the signature have another form")
    try:
        since = datetime.fromisoformat(said.time) - EPOCH
    except ValueError:
        raise Fault("TS-1201", detail="ts-time is no time") from None
    return Header(
        _hash(said.kid),
        said.audience,
        said.device,
        int(said.sequence),
        _hash(said.previous),
        (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000,
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
        verify_es256(signer.certificate.public_key, header.signed, header.signature, moment=moment)
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


def _check_base64url(text: bytes) -> None:
    """Only letters of the alphabet, a length that can be, and no stray bits in the last one."""
    rest = len(text) % 4
    if text.translate(None, _ALPHABET) or rest == 1 or (rest and text[-1] not in _LAST[rest]):
        raise Fault("TS-1201", detail="not base64url without padding and stray bits")


def _from_base64url(text: bytes) -> bytes:
    _check_base64url(text)
    return a2b_base64(text.translate(_TO_BASE64) + b"=" * (-len(text) % 4))
