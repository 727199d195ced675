"""OCSP (RFC 6960, and its short form RFC 5019): questions read, answers put together for a responder's signer.

One certificate a question, as every client in the field asks. A nonce of 1 to 128 bytes comes back in the answer
(RFC 9654); without one the answer may be one that was made before.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from tallystick.crypto.der import ocsp_answer
from tallystick.crypto.keys import KeyKind, generate_p256_key, generate_p384_key
from tallystick.crypto.signers import Signer, signing_hash
from tallystick.kernel.hashing import sha256

NONCE_BYTES_MAX = 128
REQUEST_BYTES_MAX = 1024
SERIAL_BITS_MAX = 160
"""RFC 5280, 4.1.2.2: at most 20 bytes."""
_HASHES = {"sha1": 20, "sha256": 32}


class OcspError(Enum):
    """What is answered where there is no answer; the value is the number on the wire."""

    MALFORMED = ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    INTERNAL = ocsp.OCSPResponseStatus.INTERNAL_ERROR
    TRY_LATER = ocsp.OCSPResponseStatus.TRY_LATER
    UNAUTHORIZED = ocsp.OCSPResponseStatus.UNAUTHORIZED


class MalformedQuestion(ValueError):
    """Not a question of one certificate in DER, or one with a nonce that is too long."""


class CertificateStatus(Enum):
    """What is known of a certificate; unknown is not good."""

    GOOD = ocsp.OCSPCertStatus.GOOD
    REVOKED = ocsp.OCSPCertStatus.REVOKED
    UNKNOWN = ocsp.OCSPCertStatus.UNKNOWN


@attrs.frozen(slots=True)
class Question:
    """Which certificate is asked about, in the asker's own hash; ``nonce`` is empty where there is none."""

    hash_name: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    nonce: bytes = b""
    algorithm: hashes.HashAlgorithm = attrs.field(default=hashes.SHA256(), eq=False, repr=False)

    @property
    def issuer(self) -> tuple[str, bytes]:
        """What the issuer is found by."""
        return self.hash_name, self.issuer_key_hash


@attrs.frozen(slots=True)
class Finding:
    """What is answered: the state, and for a revoked one since when and why (CRL reason number)."""

    status: CertificateStatus
    revoked_at: datetime | None = None
    reason: int = 0


def read_question(der: bytes) -> Question:
    """Read a question; raises `MalformedQuestion`. A signature of the asker is not looked at: all may ask."""
    if len(der) > REQUEST_BYTES_MAX:
        raise MalformedQuestion("too long")
    try:
        read = ocsp.load_der_ocsp_request(der)
        algorithm = read.hash_algorithm
        nonce = b""
        for extension in read.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                nonce = extension.value.nonce
                if not 1 <= len(nonce) <= NONCE_BYTES_MAX:
                    raise MalformedQuestion("a nonce has 1 to 128 bytes")
            elif extension.critical:
                raise MalformedQuestion("a critical extension that nobody here knows")
        question = Question(
            algorithm.name, read.issuer_name_hash, read.issuer_key_hash, read.serial_number, nonce, algorithm
        )
    except MalformedQuestion:
        raise
    except Exception as error:  # anybody may send anything, and the library has many ways to say no
        raise MalformedQuestion(str(error)) from None
    if not 0 <= question.serial < 1 << SERIAL_BITS_MAX:
        raise MalformedQuestion("a serial number has at most 20 bytes")
    size = _HASHES.get(question.hash_name)
    if size is None or (len(question.issuer_name_hash), len(question.issuer_key_hash)) != (size, size):
        raise MalformedQuestion("an issuer is named by SHA-1 or SHA-256")
    return question


def question_for(issuer: bytes, serial: int, nonce: bytes = b"") -> bytes:
    """A question about a serial number of the authority with this certificate (DER), as a client asks it, DER."""
    authority = x509.load_der_x509_certificate(issuer)
    key_hash = dict(issuer_keys(issuer))["sha256"]
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        sha256(authority.subject.public_bytes()), key_hash, serial, hashes.SHA256()
    )
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def issuer_keys(certificate: bytes) -> tuple[tuple[str, bytes], ...]:
    """By what questions find the authority whose certificate (DER) this is: its key under each hash.

    The key decides; the hash of the name only goes back as it came.
    """
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("an authority has a key on a P curve")
    bits = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return ("sha1", x509.SubjectKeyIdentifier.from_public_key(key).digest), ("sha256", sha256(bits))


@attrs.frozen(slots=True, repr=False)
class Responder:
    """Answers for one authority: the delegated certificate (DER) with its key's signer."""

    certificate: bytes
    signer: Signer
    _stand_in: _StandIn = attrs.field(init=False)

    @_stand_in.default
    def _make_stand_in(self) -> _StandIn:
        return _StandIn.of(self.certificate, self.signer.public.kind)

    def answer(self, question: Question, finding: Finding, this_update: datetime, next_update: datetime) -> bytes:
        """A signed answer, DER; raises ``TS-5004`` when the responder's key is away."""
        revoked = finding.status is CertificateStatus.REVOKED
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=question.issuer_name_hash,
                issuer_key_hash=question.issuer_key_hash,
                serial_number=question.serial,
                algorithm=question.algorithm,
                cert_status=finding.status.value,
                this_update=this_update,
                next_update=next_update,
                revocation_time=finding.revoked_at if revoked else None,
                revocation_reason=reason_flag(finding.reason) if revoked else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, self._stand_in.certificate)
        )
        if question.nonce:
            builder = builder.add_extension(x509.OCSPNonce(question.nonce), critical=False)
        stand_in = self._stand_in
        tbs = builder.sign(stand_in.key, signing_hash(self.signer.public.kind)).tbs_response_bytes
        return ocsp_answer(tbs, self.signer.public.kind, self.signer.sign(tbs), self.certificate)


@attrs.frozen(slots=True)
class _StandIn:
    """A throw-away key with a certificate of the responder's name: what builds the bytes that are to be signed."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, certificate: bytes, kind: KeyKind) -> _StandIn:
        real = x509.load_der_x509_certificate(certificate)
        made = generate_p384_key() if kind is KeyKind.P384 else generate_p256_key()
        assert isinstance(made.handle, ec.EllipticCurvePrivateKey)
        named = (
            x509.CertificateBuilder()
            .subject_name(real.subject)
            .issuer_name(real.subject)
            .public_key(made.handle.public_key())
            .serial_number(1)
            .not_valid_before(real.not_valid_before_utc)
            .not_valid_after(real.not_valid_before_utc + timedelta(days=1))
            .sign(made.handle, signing_hash(kind))
        )
        return cls(named, made.handle)


_REASONS = {
    1: x509.ReasonFlags.key_compromise,
    2: x509.ReasonFlags.ca_compromise,
    3: x509.ReasonFlags.affiliation_changed,
    4: x509.ReasonFlags.superseded,
    5: x509.ReasonFlags.cessation_of_operation,
    6: x509.ReasonFlags.certificate_hold,
    9: x509.ReasonFlags.privilege_withdrawn,
    10: x509.ReasonFlags.aa_compromise,
}


def reason_flag(number: int) -> x509.ReasonFlags | None:
    """A CRL reason number as the library says it; none for *unspecified*, which is left out (RFC 5280, 5.3.1)."""
    return _REASONS.get(number)


def error_answer(error: OcspError) -> bytes:
    """An unsigned answer that says why there is none, DER."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(error.value).public_bytes(Encoding.DER)
