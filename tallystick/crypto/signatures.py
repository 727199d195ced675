"""Signatures of invoices and of signed notes; the registry of algorithms is asked before each."""

from __future__ import annotations

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from tallystick.crypto import legacy
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, rsa_private, rsa_public
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault

INVOICE_SIGNATURE_BYTES = 256
_ES256 = ec.ECDSA(hashes.SHA256())
_ES256_HALF_BYTES = 32


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


def verify_document_es256(
    public_key: PublicKey, message: bytes, signature: bytes, *, moment: datetime | None = None
) -> None:
    """Check an ES256 signature, 64 bytes r and s (RFC 7518, 3.4); raises ``TS-1312``, or ``TS-1310`` for other keys."""
    require(Use.VERIFY_DOCUMENT_P256, moment)
    if public_key.kind is not KeyKind.P256 or not isinstance(public_key.handle, ec.EllipticCurvePublicKey):
        raise Fault("TS-1310", detail="a key on P-256 is needed here")
    if len(signature) != 2 * _ES256_HALF_BYTES:
        raise Fault("TS-1312", detail="an ES256 signature has 64 bytes")
    r, s = (int.from_bytes(half, "big") for half in (signature[:_ES256_HALF_BYTES], signature[_ES256_HALF_BYTES:]))
    try:
        public_key.handle.verify(utils.encode_dss_signature(r, s), message, _ES256)
    except InvalidSignature:
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None
