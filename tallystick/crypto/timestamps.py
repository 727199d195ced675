"""Time-stamp queries, tokens and refusals in DER (RFC 3161, with RFC 5816 for the identifier of the certificate).

The library reads and writes the plain structures, strictly; the signed message around them (CMS, RFC 5652) is put
together by hand, since the key may lie elsewhere. Nothing here knows a clock, a database or a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Annotated

import attrs
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.crypto.der import algorithm_of, tlv
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

QUERY_BYTES_MAX = 4_096
NONCE_BITS_MAX = 256
ACCURACY_SECONDS = 1
"""How far a token's time may lie from the true one: a clock that is further off makes none (security 2.6)."""

_VERSION = 1
_HASHES = {
    "2.16.840.1.101.3.4.2.1": (32, Use.STAMP_SHA256),
    "2.16.840.1.101.3.4.2.2": (48, Use.STAMP_SHA384),
    "2.16.840.1.101.3.4.2.3": (64, Use.STAMP_SHA512),
}
_SEQUENCE, _SET, _OCTET_STRING, _INTEGER, _BIT_STRING, _UTF8_STRING = 0x30, 0x31, 0x04, 0x02, 0x03, 0x0C
_TAG_0, _TAG_4 = 0xA0, 0xA4
_SHA256 = bytes.fromhex("300b0609608648016503040201")
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_GRANTED, _REJECTION = b"\x00", b"\x02"


class Failure(IntEnum):
    """Why there is no token: the number of the bit of PKIFailureInfo (RFC 3161, 2.4.2)."""

    BAD_ALGORITHM = 0
    BAD_REQUEST = 2
    BAD_DATA_FORMAT = 5
    TIME_NOT_AVAILABLE = 14
    UNACCEPTED_POLICY = 15
    UNACCEPTED_EXTENSION = 16
    SYSTEM_FAILURE = 25


class Refused(Exception):
    """A query gets no token."""

    def __init__(self, failure: Failure, why: str) -> None:
        super().__init__(why)
        self.failure, self.why = failure, why


@asn1.sequence
class _Algorithm:
    algorithm: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Imprint:
    algorithm: _Algorithm
    digest: bytes


@asn1.sequence
class _Extension:
    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    value: bytes


@asn1.sequence
class _Query:
    version: int
    imprint: _Imprint
    policy: x509.ObjectIdentifier | None
    nonce: int | None
    wants_certificate: Annotated[bool, asn1.Default(False)]
    extensions: Annotated[list[_Extension] | None, asn1.Implicit(0)]


@asn1.sequence
class _Accuracy:
    seconds: int


@asn1.sequence
class _Info:
    version: int
    policy: x509.ObjectIdentifier
    imprint: _Imprint
    serial: int
    made_at: asn1.GeneralizedTime
    accuracy: _Accuracy
    nonce: int | None


@attrs.frozen(slots=True, kw_only=True)
class Query:
    """What is to be stamped. ``algorithm`` and ``policy`` are dotted, the policy empty where any will do."""

    algorithm: str
    digest: bytes
    has_parameters: bool
    policy: str
    nonce: int | None
    wants_certificate: bool


@attrs.frozen(slots=True, kw_only=True)
class Prepared:
    """A token without its signature. ``signed`` are the attributes that the unit's key signs, DER."""

    info: bytes
    signed: bytes = attrs.field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed: by it a use of the key is told."""
        return sha256(self.signed)


def read_query(der: bytes, at: datetime) -> Query:
    """Read a query; raises `Refused` for what no token is made for at this moment."""
    if len(der) > QUERY_BYTES_MAX:
        raise Refused(Failure.BAD_DATA_FORMAT, "too long")
    try:
        read = asn1.decode_der(_Query, der)
    except Exception:  # anybody may send anything, and the library has several ways to say no
        raise Refused(Failure.BAD_DATA_FORMAT, "not a TimeStampReq in DER") from None
    if read.version != _VERSION:
        raise Refused(Failure.BAD_REQUEST, "queries are of version 1")
    if read.extensions is not None:
        raise Refused(Failure.UNACCEPTED_EXTENSION, "no extension is known here")
    if read.nonce is not None and read.nonce.bit_length() > NONCE_BITS_MAX:
        raise Refused(Failure.BAD_DATA_FORMAT, f"a nonce has at most {NONCE_BITS_MAX} bits")
    oid, digest = read.imprint.algorithm.algorithm.dotted_string, read.imprint.digest
    _check_imprint(oid, digest, at)
    return Query(
        algorithm=oid,
        digest=digest,
        has_parameters=read.imprint.algorithm.parameters is not None,
        policy="" if read.policy is None else read.policy.dotted_string,
        nonce=read.nonce,
        wants_certificate=read.wants_certificate,
    )


def _check_imprint(oid: str, digest: bytes, at: datetime) -> None:
    if oid not in _HASHES:
        raise Refused(Failure.BAD_ALGORITHM, "hashes are SHA-256, SHA-384 and SHA-512")
    size, use = _HASHES[oid]
    try:
        require(use, at)
    except Fault:
        raise Refused(Failure.BAD_ALGORITHM, "the registry of algorithms does not allow this hash now") from None
    if len(digest) != size:
        raise Refused(Failure.BAD_DATA_FORMAT, "the digest does not have the length of its algorithm")


def query_for(algorithm: str, digest: bytes, *, policy: str = "", nonce: int | None = None) -> bytes:
    """A query as a client sends it, DER; it asks for the certificate."""
    return asn1.encode_der(
        _Query(
            version=_VERSION,
            imprint=_imprint(algorithm, digest, has_parameters=True),
            policy=x509.ObjectIdentifier(policy) if policy else None,
            nonce=nonce,
            wants_certificate=True,
            extensions=None,
        )
    )


def prepare(query: Query, *, policy: str, serial: int, at: datetime, certificate: bytes) -> Prepared:
    """What the unit with this certificate (DER) signs for a query. The time is cut to whole milliseconds."""
    info = asn1.encode_der(
        _Info(
            version=_VERSION,
            policy=x509.ObjectIdentifier(policy),
            imprint=_imprint(query.algorithm, query.digest, has_parameters=query.has_parameters),
            serial=serial,
            made_at=asn1.GeneralizedTime(at.replace(microsecond=at.microsecond // 1_000 * 1_000)),
            accuracy=_Accuracy(seconds=ACCURACY_SECONDS),
            nonce=query.nonce,
        )
    )
    attributes = (
        _attribute(_CONTENT_TYPE, _oid(_TST_INFO)),
        _attribute(_MESSAGE_DIGEST, tlv(_OCTET_STRING, sha256(info))),
        _attribute(_SIGNING_CERTIFICATE_V2, _signing_certificate(certificate)),
    )
    return Prepared(info=info, signed=tlv(_SET, b"".join(sorted(attributes))))


def granted(prepared: Prepared, signature: bytes, certificate: bytes, shown: Sequence[bytes]) -> bytes:
    """The reply with its token; ``shown`` are the certificates (DER) that it carries, none unless asked for."""
    signer = tlv(
        _SEQUENCE,
        b"".join(
            (
                asn1.encode_der(1),
                _issuer_and_serial(certificate),
                _SHA256,
                bytes([_TAG_0]) + prepared.signed[1:],
                algorithm_of(KeyKind.P256),
                tlv(_OCTET_STRING, signature),
            )
        ),
    )
    content = tlv(_SEQUENCE, _oid(_TST_INFO) + tlv(_TAG_0, tlv(_OCTET_STRING, prepared.info)))
    chain = tlv(_TAG_0, b"".join(sorted(shown))) if shown else b""
    message = tlv(_SEQUENCE, asn1.encode_der(3) + tlv(_SET, _SHA256) + content + chain + tlv(_SET, signer))
    token = tlv(_SEQUENCE, _oid(_SIGNED_DATA) + tlv(_TAG_0, message))
    return tlv(_SEQUENCE, tlv(_SEQUENCE, tlv(_INTEGER, _GRANTED)) + token)


def refusal(failure: Failure, why: str) -> bytes:
    """The reply without a token: *rejection*, a sentence, and the bit of what is wrong."""
    octets = bytearray(failure // 8 + 1)
    octets[failure // 8] = 0x80 >> failure % 8
    bits = tlv(_BIT_STRING, bytes([7 - failure % 8]) + bytes(octets))
    words = tlv(_SEQUENCE, tlv(_UTF8_STRING, why.encode()))
    return tlv(_SEQUENCE, tlv(_SEQUENCE, tlv(_INTEGER, _REJECTION) + words + bits))


def _imprint(algorithm: str, digest: bytes, *, has_parameters: bool) -> _Imprint:
    parameters = asn1.Null() if has_parameters else None
    return _Imprint(
        algorithm=_Algorithm(algorithm=x509.ObjectIdentifier(algorithm), parameters=parameters), digest=digest
    )


def _oid(dotted: str) -> bytes:
    return asn1.encode_der(x509.ObjectIdentifier(dotted))


def _attribute(oid: str, value: bytes) -> bytes:
    return tlv(_SEQUENCE, _oid(oid) + tlv(_SET, value))


def _signing_certificate(certificate: bytes) -> bytes:
    """SigningCertificateV2 with one ESSCertIDv2; SHA-256 is its default and so is not written (RFC 5035, 4)."""
    read = x509.load_der_x509_certificate(certificate)
    name = tlv(_SEQUENCE, tlv(_TAG_4, read.issuer.public_bytes()))
    issuer_serial = tlv(_SEQUENCE, name + asn1.encode_der(read.serial_number))
    identifier = tlv(_SEQUENCE, tlv(_OCTET_STRING, sha256(read.public_bytes(Encoding.DER))) + issuer_serial)
    return tlv(_SEQUENCE, tlv(_SEQUENCE, identifier))


def _issuer_and_serial(certificate: bytes) -> bytes:
    read = x509.load_der_x509_certificate(certificate)
    return tlv(_SEQUENCE, read.issuer.public_bytes() + asn1.encode_der(read.serial_number))
