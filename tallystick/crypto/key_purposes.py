"""What each key is for: one purpose a key, the uses that belong to it, and how each use is carried out (security 2.2).

A store asks `require_use` before it signs: a key of another purpose is refused with ``TS-1310``, whoever asks, and so
is a kind that the purpose never has. Both stores make the same signatures; `verify_use` checks each before it leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.crypto.envelope import recover_message, sign_with_recovery
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, ec_private
from tallystick.crypto.policy import Use, require
from tallystick.crypto.signatures import (
    invoice_digest_info,
    sign_ed25519,
    sign_invoice_text,
    verify_ed25519,
    verify_invoice_signature,
)
from tallystick.kernel.faults import Fault


class KeyPurpose(StrEnum):
    """The purposes that a key can be bound to."""

    AUTHORITY = "authority"
    OCSP = "ocsp"
    TIMESTAMP = "timestamp"
    TRUST_LIST = "trust-list"
    DEVICE_COMMAND = "device-command"
    CHECKPOINT = "checkpoint"
    PROOF_OF_AUDIT = "proof-of-audit"
    INVOICE = "invoice"
    WRAPPING = "wrapping"


SERVICES = frozenset({KeyPurpose.OCSP, KeyPurpose.TIMESTAMP, KeyPurpose.TRUST_LIST, KeyPurpose.DEVICE_COMMAND})
"""Purposes whose keys are short-lived, certified by an issuing authority, and made anew without a ceremony."""

_BONDS: dict[KeyPurpose, dict[Use, KeyKind]] = {
    KeyPurpose.AUTHORITY: {
        Use.SIGN_CERTIFICATE_P256: KeyKind.P256,
        Use.SIGN_CERTIFICATE_P384: KeyKind.P384,
        Use.SIGN_REVOCATION_LIST: KeyKind.P384,
    },
    KeyPurpose.OCSP: {Use.SIGN_OCSP_ANSWER: KeyKind.P256},
    KeyPurpose.TIMESTAMP: {Use.SIGN_TIMESTAMP: KeyKind.P256},
    KeyPurpose.TRUST_LIST: {Use.SIGN_TRUST_LIST: KeyKind.P256},
    KeyPurpose.DEVICE_COMMAND: {Use.SIGN_DEVICE_COMMAND: KeyKind.P256},
    KeyPurpose.CHECKPOINT: {Use.SIGN_CHECKPOINT: KeyKind.ED25519},
    KeyPurpose.PROOF_OF_AUDIT: {Use.SIGN_PROOF: KeyKind.RSA},
    KeyPurpose.INVOICE: {Use.SIGN_INVOICE: KeyKind.RSA},
    KeyPurpose.WRAPPING: {},
}


@attrs.frozen(slots=True)
class Scheme:
    """How one use signs: in software, as the bytes that a token signs, and how a signature is checked."""

    kind: KeyKind
    sign: Callable[[PrivateKey, bytes, datetime | None], bytes]
    block: Callable[[bytes, datetime | None], bytes]
    check: Callable[[PublicKey, bytes, bytes], None]


def _ecdsa(kind: KeyKind, algorithm: hashes.HashAlgorithm) -> Scheme:
    def sign(key: PrivateKey, text: bytes, _: datetime | None) -> bytes:
        return ec_private(key).sign(text, ec.ECDSA(algorithm))

    def block(text: bytes, _: datetime | None) -> bytes:
        made = hashes.Hash(algorithm)
        made.update(text)
        return made.finalize()

    def check(key: PublicKey, text: bytes, signature: bytes) -> None:
        assert isinstance(key.handle, ec.EllipticCurvePublicKey)
        try:
            key.handle.verify(signature, text, ec.ECDSA(algorithm))
        except InvalidSignature:
            raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None

    return Scheme(kind, sign, block, check)


def _check_proof(key: PublicKey, text: bytes, block: bytes) -> None:
    if recover_message(block, key) != text:
        raise Fault("TS-1312", detail="the block carries another message")


_P256, _P384 = _ecdsa(KeyKind.P256, hashes.SHA256()), _ecdsa(KeyKind.P384, hashes.SHA384())
_SCHEMES = {
    Use.SIGN_CERTIFICATE_P256: _P256,
    Use.SIGN_CERTIFICATE_P384: _P384,
    Use.SIGN_REVOCATION_LIST: _P384,
    Use.SIGN_OCSP_ANSWER: _P256,
    Use.SIGN_TIMESTAMP: _P256,
    Use.SIGN_TRUST_LIST: _P256,
    Use.SIGN_DEVICE_COMMAND: _P256,
    Use.SIGN_CHECKPOINT: Scheme(
        KeyKind.ED25519,
        lambda key, text, moment: sign_ed25519(key, text, moment=moment),
        lambda text, _: text,
        verify_ed25519,
    ),
    Use.SIGN_PROOF: Scheme(
        KeyKind.RSA,
        lambda key, text, moment: sign_with_recovery(text, key, moment=moment),
        lambda text, _: text,
        _check_proof,
    ),
    Use.SIGN_INVOICE: Scheme(
        KeyKind.RSA,
        lambda key, text, moment: sign_invoice_text(key, text, moment=moment),
        lambda text, moment: invoice_digest_info(text, moment=moment),
        verify_invoice_signature,
    ),
}


def kinds_of(purpose: KeyPurpose) -> frozenset[KeyKind]:
    """The kinds of key pair that a purpose may have; none for a wrapping key, which is no pair."""
    return frozenset(_BONDS[purpose].values())


def require_kind(purpose: KeyPurpose, kind: KeyKind) -> None:
    """Refuse with ``TS-1310`` a key of a kind that the purpose never has."""
    if kind not in kinds_of(purpose):
        raise Fault("TS-1310", detail=f"a key for {purpose} is not of the kind {kind}")


def require_use(purpose: KeyPurpose, use: Use, moment: datetime | None) -> Scheme:
    """How a key of this purpose carries a use out at a moment (default: now).

    Raises ``TS-1310`` when the key is bound to another purpose or the registry of algorithms says no (K-01).
    """
    if use not in _BONDS[purpose]:
        raise Fault("TS-1310", detail=f"a key for {purpose} does not serve {use.name}")
    require(use, moment)
    return _SCHEMES[use]


def verify_use(key: PublicKey, use: Use, text: bytes, signature: bytes) -> None:
    """Check what a store gave for a use; raises ``TS-1312``. No signature leaves unchecked: modules compute wrongly."""
    scheme = _SCHEMES[use]
    if key.kind is not scheme.kind:
        raise Fault("TS-1312", detail="the signature is of a key of another kind")
    scheme.check(key, text, signature)
