"""Signatures of invoices and of signed notes; the registry of algorithms is asked before each."""

from __future__ import annotations

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils

from tallystick.crypto import legacy
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, ec_private, rsa_private, rsa_public
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault

INVOICE_SIGNATURE_BYTES = 256
ES256_SIGNATURE_BYTES = 64
_HALF = ES256_SIGNATURE_BYTES // 2
_ES256 = ec.ECDSA(hashes.SHA256())
_ES256_OF_HASH = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
_PS256 = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


def sign_invoice_text(private_key: PrivateKey, text: bytes, *, moment: datetime | None = None) -> bytes:
    """RSA-2048 PKCS#1 v1.5 SHA-1 over the 321 or 577 bytes of an invoice, as the wire demands; 256 bytes (S2-058)."""
    require(Use.SIGN_INVOICE, moment)
    return legacy.sign_sha1(rsa_private(private_key), text)


def invoice_digest_info(text: bytes, *, moment: datetime | None = None) -> bytes:
    """What a token pads and signs to give the same 256 bytes as `sign_invoice_text` with the same key."""
    require(Use.SIGN_INVOICE, moment)
    return legacy.digest_info_sha1(text)


def verify_invoice_signature(
    public_key: PublicKey, text: bytes, signature: bytes, *, moment: datetime | None = None
) -> None:
    """Check an invoice's signature; raises ``TS-1312`` when it is wrong, ``TS-1310`` when not allowed at ``moment``.

    ``moment`` defaults to now: the registry says until when old signatures may still be verified.
    """
    require(Use.VERIFY_INVOICE, moment)
    if len(signature) != INVOICE_SIGNATURE_BYTES:
        raise Fault("TS-1312", detail="an invoice's signature has 256 bytes")
    legacy.verify_sha1(rsa_public(public_key), text, signature)


def sign_ed25519(private_key: PrivateKey, message: bytes, *, moment: datetime | None = None) -> bytes:
    """Ed25519 signature, 64 bytes, deterministic: checkpoints and cosignatures."""
    require(Use.SIGN_CHECKPOINT, moment)
    if not isinstance(private_key.handle, ed25519.Ed25519PrivateKey):
        raise Fault("TS-1310", detail="an Ed25519 key is needed here")
    return private_key.handle.sign(message)


def verify_ed25519(public_key: PublicKey, message: bytes, signature: bytes, *, moment: datetime | None = None) -> None:
    """Check an Ed25519 signature; raises ``TS-1312``."""
    require(Use.VERIFY_CHECKPOINT, moment)
    if not isinstance(public_key.handle, ed25519.Ed25519PublicKey):
        raise Fault("TS-1310", detail="an Ed25519 key is needed here")
    try:
        public_key.handle.verify(signature, message)
    except InvalidSignature:
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def sign_es256(private_key: PrivateKey, text: bytes, *, moment: datetime | None = None) -> bytes:
    """ECDSA on P-256 with SHA-256 as JWS wants it: r and s, 64 bytes (RFC 7518, 3.4)."""
    require(Use.SIGN_DOCUMENT_ES256, moment)
    if private_key.public.kind is not KeyKind.P256:
        raise Fault("TS-1310", detail="a key on P-256 is needed here")
    r, s = utils.decode_dss_signature(ec_private(private_key).sign(text, _ES256))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify_es256(public_key: PublicKey, text: bytes, signature: bytes, *, moment: datetime | None = None) -> None:
    """Check a signature of ``sign_es256``; another length or form is ``TS-1312``, another key ``TS-1310``."""
    require(Use.VERIFY_DOCUMENT_ES256, moment)
    _verify_es256(public_key, text, signature, _ES256)


def verify_es256_of_hash(
    public_key: PublicKey, digest: bytes, signature: bytes, *, moment: datetime | None = None
) -> None:
    """The same where only the SHA-256 of the text is known, as a receipt's code carries it."""
    require(Use.VERIFY_DOCUMENT_ES256, moment)
    _verify_es256(public_key, digest, signature, _ES256_OF_HASH)


def verify_unit_es256(
    public_key: PublicKey, text: bytes, signature: bytes, *, use: Use, code: str, moment: datetime
) -> None:
    """The same for what a unit of the authority signs for one ``use``; whatever is wrong is the fault ``code``."""
    require(use, moment)
    try:
        _verify_es256(public_key, text, signature, _ES256)
    except Fault as fault:
        raise Fault(code, detail=fault.detail) from None


def _verify_es256(public_key: PublicKey, data: bytes, signature: bytes, algorithm: ec.ECDSA) -> None:
    if not isinstance(public_key.handle, ec.EllipticCurvePublicKey) or public_key.kind is not KeyKind.P256:
        raise Fault("TS-1310", detail="a key on P-256 is needed here")
    if len(signature) != ES256_SIGNATURE_BYTES:
        raise Fault("TS-1312", detail="a signature of ES256 has 64 bytes")
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        public_key.handle.verify(utils.encode_dss_signature(r, s), data, algorithm)
    except InvalidSignature:
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def verify_ps256(public_key: PublicKey, text: bytes, signature: bytes, *, moment: datetime | None = None) -> None:
    """Check RSA-PSS with SHA-256 and 32 bytes of salt, from tokens without curves (RFC 7518, 3.5); ``TS-1312``."""
    require(Use.VERIFY_DOCUMENT_PS256, moment)
    try:
        rsa_public(public_key).verify(signature, text, _PS256, hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def ecdsa_der(raw: bytes) -> bytes:
    """ECDSA as X.509 writes it (DER of r and s) from the two numbers side by side, as tokens give it."""
    half = len(raw) // 2
    return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
