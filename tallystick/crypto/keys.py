"""Keys as values: made, kept in files of mode 0600, exported. Other packages hold these and never name a library.

RSA keys have at least 2048 bits and the exponent 65537; curves are P-256, P-384 and Ed25519.
"""

from __future__ import annotations

import stat
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import attrs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically

RSA_BITS = 2048
RSA_EXPONENT = 65_537
CARD_EXPORT_BYTES = 259
_MODULUS_BYTES = RSA_BITS // 8

PublicHandle = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateHandle = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeyKind(StrEnum):
    """The kinds of key that this house uses."""

    RSA = "rsa"
    P256 = "p256"
    P384 = "p384"
    ED25519 = "ed25519"


_CURVES = {"secp256r1": KeyKind.P256, "secp384r1": KeyKind.P384}


def _kind_of(key: object) -> KeyKind:
    """The kind of a library key; raises ``TS-1310`` for what the registry of algorithms never allows."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size >= RSA_BITS and key.public_numbers().e == RSA_EXPONENT:
            return KeyKind.RSA
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _CURVES:
            return _CURVES[key.curve.name]
    elif isinstance(key, ed25519.Ed25519PublicKey):
        return KeyKind.ED25519
    raise Fault("TS-1310", detail="a key of this kind, size or exponent is never allowed")


@attrs.define(slots=False, frozen=True, eq=False)
class PublicKey:
    """A public key of an allowed kind; equal when SubjectPublicKeyInfo is. ``handle`` is for ``crypto``."""

    handle: PublicHandle

    def __attrs_post_init__(self) -> None:
        """Refuse what is never allowed: ``TS-1310``."""
        _ = self.kind

    @cached_property
    def kind(self) -> KeyKind:
        """Kind and, with it, size."""
        return _kind_of(self.handle)

    @cached_property
    def spki(self) -> bytes:
        """SubjectPublicKeyInfo, DER."""
        return self.handle.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo, 32 bytes."""
        return sha256(self.spki)

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo, PEM."""
        return self.handle.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key."""
        if not isinstance(self.handle, ed25519.Ed25519PublicKey):
            raise TypeError("only an Ed25519 key has a raw form here")
        return self.handle.public_bytes_raw()

    @property
    def modulus(self) -> int:
        """The modulus of an RSA key."""
        return rsa_public(self).public_numbers().n

    @property
    def card_export(self) -> bytes:
        """Modulus (256 bytes) and exponent (3) as Export TaxCore Public Key gives them (INS 07)."""
        return self.modulus.to_bytes(_MODULUS_BYTES, "big") + RSA_EXPONENT.to_bytes(3, "big")

    def __eq__(self, other: object) -> bool:
        """Same key."""
        return isinstance(other, PublicKey) and self.spki == other.spki

    def __hash__(self) -> int:
        """By the key's bytes."""
        return hash(self.spki)

    @classmethod
    def from_spki(cls, der: bytes) -> PublicKey:
        """Read a SubjectPublicKeyInfo in DER; raises ``TS-1310`` when it is none or never allowed."""
        return cls(accept_public(_load(serialization.load_der_public_key, der)))

    @classmethod
    def from_raw(cls, raw: bytes) -> PublicKey:
        """Read the 32 bytes of an Ed25519 key; raises ``TS-1310``."""
        return cls(accept_public(_load(ed25519.Ed25519PublicKey.from_public_bytes, raw)))

    @classmethod
    def from_card_export(cls, data: bytes) -> PublicKey:
        """Read the 259 bytes of INS 07; raises ``TS-1310``."""
        if len(data) != CARD_EXPORT_BYTES:
            raise Fault("TS-1310", detail="a TaxCore public key has 259 bytes")
        return public_from_modulus(
            int.from_bytes(data[:_MODULUS_BYTES], "big"), int.from_bytes(data[_MODULUS_BYTES:], "big")
        )


@attrs.define(slots=False, frozen=True, eq=False, repr=False)
class PrivateKey:
    """A private key of an allowed kind. It never shows itself in a log; ``handle`` is for ``crypto``."""

    handle: PrivateHandle

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.handle.public_key())

    @property
    def pkcs8(self) -> bytes:
        """PKCS #8, DER, not encrypted: for a file of mode 0600 only."""
        return self._bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """PKCS #8, PEM, not encrypted: for a file of mode 0600 only."""
        return self._bytes(serialization.Encoding.PEM)

    def _bytes(self, encoding: serialization.Encoding) -> bytes:
        return self.handle.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def __repr__(self) -> str:
        """Kind and fingerprint of the public half, nothing secret."""
        return f"PrivateKey({self.public.kind}, {self.public.fingerprint.hex()[:16]})"

    @classmethod
    def from_pkcs8(cls, der: bytes, *, is_ours: bool = False) -> PrivateKey:
        """Read PKCS #8 DER; raises ``ValueError`` when it is none and ``TS-1310`` when never allowed.

        The library proves an RSA key's primes each time, which takes 60 ms. ``is_ours`` leaves that out for a key that
        this house made and kept, whose owner proves it by a signature instead.
        """
        return _private(serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=is_ours))


def _load(loader: object, data: bytes) -> object:
    assert callable(loader)
    try:
        return loader(data)
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("TS-1310", detail="not a public key of a known kind") from None


def accept_public(key: object) -> PublicHandle:
    """The library key if it is of a kind that is ever allowed; raises ``TS-1310``."""
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)):
        raise Fault("TS-1310", detail="a key of this kind is never allowed")
    return key


def _private(key: object) -> PrivateKey:
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise Fault("TS-1310", detail="a key of this kind is never allowed")
    made = PrivateKey(key)
    _ = made.public
    return made


def rsa_public(key: PublicKey) -> rsa.RSAPublicKey:
    """The library's RSA key; raises ``TS-1310`` for another kind (a message never chooses the algorithm)."""
    if not isinstance(key.handle, rsa.RSAPublicKey):
        raise Fault("TS-1310", detail="an RSA key is needed here")
    return key.handle


def rsa_private(key: PrivateKey) -> rsa.RSAPrivateKey:
    """The library's RSA key; raises ``TS-1310`` for another kind."""
    if not isinstance(key.handle, rsa.RSAPrivateKey):
        raise Fault("TS-1310", detail="an RSA key is needed here")
    return key.handle


def ec_private(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    """The library's key on a P curve; raises ``TS-1310`` for another kind."""
    if not isinstance(key.handle, ec.EllipticCurvePrivateKey):
        raise Fault("TS-1310", detail="a key on a P curve is needed here")
    return key.handle


def public_from_modulus(modulus: int, exponent: int = RSA_EXPONENT) -> PublicKey:
    """An RSA public key from its numbers; raises ``TS-1310``."""
    if exponent != RSA_EXPONENT:
        raise Fault("TS-1310", detail="the only RSA exponent is 65537")
    try:
        return PublicKey(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    except ValueError:
        raise Fault("TS-1310", detail="not an RSA modulus") from None


def public_from_point(kind: KeyKind, point: bytes) -> PublicKey:
    """A public key on a curve from its point: uncompressed, or the 32 bytes of Ed25519; raises ``TS-1310``."""
    if kind is KeyKind.ED25519:
        return PublicKey.from_raw(point)
    curve = ec.SECP256R1() if kind is KeyKind.P256 else ec.SECP384R1()
    try:
        return PublicKey(ec.EllipticCurvePublicKey.from_encoded_point(curve, point))
    except ValueError:
        raise Fault("TS-1310", detail="not a point of the curve") from None


def generate_rsa_key() -> PrivateKey:
    """A new RSA-2048 key; about 0.1 s, releases the interpreter lock, so threads make several at once."""
    return PrivateKey(rsa.generate_private_key(RSA_EXPONENT, RSA_BITS))


def generate_ed25519_key() -> PrivateKey:
    """A new Ed25519 key, for checkpoints."""
    return PrivateKey(ed25519.Ed25519PrivateKey.generate())


def generate_p256_key() -> PrivateKey:
    """A new P-256 key, for TLS servers and devices."""
    return PrivateKey(ec.generate_private_key(ec.SECP256R1()))


def generate_p384_key() -> PrivateKey:
    """A new P-384 key, for certificate authorities."""
    return PrivateKey(ec.generate_private_key(ec.SECP384R1()))


def store_private_key(path: Path, key: PrivateKey) -> None:
    """Write the key as PEM, mode 0600, in one step; the folder must exist."""
    write_atomically(path, key.pem, mode=0o600)


def load_private_key(path: Path) -> PrivateKey:
    """Read a PEM key. Raises ``PermissionError`` when others may read the file, ``ValueError`` when it is no key."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{path}: a private key must be readable by its owner only (mode 0600)")
    return _private(serialization.load_pem_private_key(path.read_bytes(), None))


def store_public_key(path: Path, key: PublicKey) -> None:
    """Write the public half as PEM, mode 0644, in one step."""
    write_atomically(path, key.pem, mode=0o644)


def load_public_key(path: Path) -> PublicKey:
    """Read a PEM public key; raises ``TS-1310``."""
    return PublicKey(accept_public(_load(serialization.load_pem_public_key, path.read_bytes())))
