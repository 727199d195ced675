"""Signatures of old archives, checked as long as the registry of algorithms says so and never made (S0-015, K-01)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tallystick.crypto import legacy
from tallystick.crypto.keys import PublicKey, rsa_public
from tallystick.crypto.legacy import old
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault


class ArchiveSignature(StrEnum):
    """How an archive was signed."""

    DSA_1024_SHA1 = "dsa-1024-sha-1"
    DSA_1024_SHA224 = "dsa-1024-sha-224"
    DSA_1024_SHA256 = "dsa-1024-sha-256"
    RSA_SHA1 = "rsa-pkcs1-sha-1"


_DSA_HASH = {
    ArchiveSignature.DSA_1024_SHA1: "sha-1",
    ArchiveSignature.DSA_1024_SHA224: "sha-224",
    ArchiveSignature.DSA_1024_SHA256: "sha-256",
}


def verify_archive(kind: ArchiveSignature, spki: bytes, content: bytes, signature: bytes, moment: datetime) -> None:
    """Check an old archive's signature as the registry stands at an aware moment.

    Raises ``TS-1310`` (not even to be checked then, or a key of another kind or size) and ``TS-1312`` (wrong).
    """
    if kind is ArchiveSignature.RSA_SHA1:
        require(Use.VERIFY_ARCHIVE_RSA_SHA1, moment)
        legacy.verify_sha1(rsa_public(PublicKey.from_spki(spki)), content, signature)
        return
    require(Use.VERIFY_ARCHIVE_DSA, moment)
    if kind is ArchiveSignature.DSA_1024_SHA1:
        require(Use.HASH_ARCHIVE_SHA1, moment)
    old.verify_dsa_1024(spki, content, signature, _DSA_HASH[kind])


def spki_of_pem(pem: bytes) -> bytes:
    """SubjectPublicKeyInfo (DER) of a public key in PEM, of whatever kind; raises ``TS-1310`` when it is none."""
    try:
        return load_pem_public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("TS-1310", detail="not a public key in PEM") from None
