"""The small port through which a certificate authority signs: a public key, and a signature over given bytes.

`KeySigner` holds a private key, `StoreSigner` asks a key store (sealed files or a token) by label. Certificates,
revocation lists and OCSP answers are put together outside, from the very bytes that were checked (`crypto.der`).
"""

from __future__ import annotations

from typing import Protocol

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, ec_private
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault

_USES = {KeyKind.P384: Use.SIGN_CERTIFICATE_P384, KeyKind.P256: Use.SIGN_CERTIFICATE_P256}


class Signer(Protocol):
    """One key that signs certificates and lists."""

    @property
    def public(self) -> PublicKey:
        """The public half: P-384 or P-256."""

    def sign(self, tbs: bytes) -> bytes:
        """ECDSA over the bytes with the hash of the curve, DER; raises ``TS-5004`` when the key is away."""


@attrs.frozen(slots=True, repr=False)
class KeySigner:
    """A `Signer` over a private key in this process."""

    key: PrivateKey

    @property
    def public(self) -> PublicKey:
        """See `Signer`."""
        return self.key.public

    def sign(self, tbs: bytes) -> bytes:
        """See `Signer`; raises ``TS-1310`` where the registry of algorithms does not allow it now."""
        require(signing_use(self.public), None)
        return ec_private(self.key).sign(tbs, ec.ECDSA(signing_hash(self.public.kind)))


@attrs.frozen(slots=True)
class StoreSigner:
    """A `Signer` over a key of a store, which never leaves it."""

    store: KeyStore
    label: str
    public: PublicKey

    @classmethod
    def of(cls, store: KeyStore, label: str) -> StoreSigner:
        """The key of that label; raises ``TS-5004`` when there is none."""
        return cls(store, label, store.public_key(label))

    def sign(self, tbs: bytes) -> bytes:
        """See `Signer`."""
        return self.store.sign(self.label, signing_use(self.public), tbs)


def signing_use(key: PublicKey) -> Use:
    """What the registry is asked for before a key of this kind signs; raises ``TS-1310`` for a kind that never may."""
    use = _USES.get(key.kind)
    if use is None:
        raise Fault("TS-1310", detail="an authority signs with P-384 or P-256")
    return use


def signing_hash(kind: KeyKind) -> hashes.SHA256 | hashes.SHA384:
    """SHA-384 goes with P-384, SHA-256 with P-256."""
    return hashes.SHA384() if kind is KeyKind.P384 else hashes.SHA256()


def check_signature(key: PublicKey, tbs: bytes, signature: bytes) -> None:
    """Whether a signature is that of the key over the bytes; raises ``TS-1312``."""
    handle = key.handle
    if not isinstance(handle, ec.EllipticCurvePublicKey):
        raise Fault("TS-1310", detail="an authority signs with P-384 or P-256")
    try:
        handle.verify(signature, tbs, ec.ECDSA(signing_hash(key.kind)))
    except InvalidSignature:
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None
