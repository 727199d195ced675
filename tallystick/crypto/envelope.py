"""Sealed things of the TaxCore wire: audit package, internal data, audit request, proof of audit (K-11).

Whoever opens says one thing for every failure, after the same private operations.
"""

from __future__ import annotations

import os
from datetime import datetime

import attrs
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tallystick.crypto import legacy
from tallystick.crypto.keys import PrivateKey, PublicKey, rsa_private, rsa_public
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault

BLOCK_BYTES = 256
OAEP_PLAIN_BYTES = 190
ARP_BYTES = 260
_ARP_PREFIX_BYTES = 4
_ARP_LENGTHS = {BLOCK_BYTES: 0, ARP_BYTES: _ARP_PREFIX_BYTES, ARP_BYTES + 4: _ARP_PREFIX_BYTES}
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def seal_package(plain: bytes, public_key: PublicKey, *, moment: datetime | None = None) -> tuple[bytes, bytes, bytes]:
    """Close the JSON of an audit package with a one-time key: wrapped key, wrapped IV, payload (S2-076 to S2-080).

    Raises ``TS-1310`` when the registry forbids it at ``moment`` (default: now).
    """
    require(Use.SEAL_PACKAGE, moment)
    rsa_key = rsa_public(public_key)
    secret, iv = os.urandom(legacy.AES_KEY_BYTES), os.urandom(legacy.AES_BLOCK_BYTES)
    return legacy.wrap(rsa_key, secret), legacy.wrap(rsa_key, iv), legacy.close(secret, iv, plain)


@attrs.frozen(slots=True)
class PackageOpener:
    """Opens audit packages with the authority's key; holds nothing else."""

    private_key: PrivateKey

    def open(self, key: bytes, iv: bytes, payload: bytes, *, moment: datetime | None = None) -> bytes:
        """The plain bytes of a package; raises ``TS-1202`` for every failure alike, after two private operations."""
        require(Use.OPEN_PACKAGE, moment)
        rsa_key = rsa_private(self.private_key)
        secret, secret_good = legacy.unwrap(rsa_key, key, legacy.AES_KEY_BYTES)
        vector, vector_good = legacy.unwrap(rsa_key, iv, legacy.AES_BLOCK_BYTES)
        plain, padding_good = legacy.open_closed(secret, vector, payload)
        if not (secret_good & vector_good & padding_good):
            raise Fault("TS-1202")
        return plain


def seal_internal_data(plain: bytes, public_key: PublicKey, *, moment: datetime | None = None) -> bytes:
    """Close the card's internal data: one OAEP-SHA256 block up to 190 bytes, two up to 380 (wire: 15.2).

    Returns 256 or 512 bytes.
    """
    require(Use.SEAL_INTERNAL_DATA, moment)
    if len(plain) > 2 * OAEP_PLAIN_BYTES:
        raise ValueError("internal data of more than two blocks")
    key = rsa_public(public_key)
    blocks = (plain[:OAEP_PLAIN_BYTES], plain[OAEP_PLAIN_BYTES:])
    return b"".join(key.encrypt(block, _OAEP) for block in blocks if block)


def open_internal_data(data: bytes, private_key: PrivateKey, *, moment: datetime | None = None) -> bytes:
    """Undo ``seal_internal_data``; raises ``TS-1316`` (audit status 3)."""
    require(Use.OPEN_INTERNAL_DATA, moment)
    if len(data) not in (BLOCK_BYTES, 2 * BLOCK_BYTES):
        raise Fault("TS-1316", detail="internal data has 256 or 512 bytes")
    return b"".join(
        _open_block(data[at : at + BLOCK_BYTES], private_key, "TS-1316") for at in range(0, len(data), BLOCK_BYTES)
    )


def seal_arp(audit_sequence: int, plain: bytes, public_key: PublicKey) -> bytes:
    """The 260 bytes of an audit request: the sequence number in clear, then one block under K_enc (wire: 15.3)."""
    return audit_sequence.to_bytes(_ARP_PREFIX_BYTES, "big") + rsa_public(public_key).encrypt(plain, _OAEP)


def open_arp(arp: bytes, private_key: PrivateKey) -> bytes:
    """The plain bytes of an audit request of 256, 260 or 264 bytes (C-01); raises ``TS-3101``.

    The first four bytes and a CRC say nothing that the block does not say, so they are not looked at.
    """
    start = _ARP_LENGTHS.get(len(arp))
    if start is None:
        raise Fault("TS-3101", detail="an audit request has 256, 260 or 264 bytes")
    return _open_block(arp[start : start + BLOCK_BYTES], private_key, "TS-3101")


def _open_block(block: bytes, private_key: PrivateKey, code: str) -> bytes:
    try:
        return rsa_private(private_key).decrypt(block, _OAEP)
    except ValueError:
        raise Fault(code, detail="cannot be opened") from None


def sign_with_recovery(message: bytes, private_key: PrivateKey, *, moment: datetime | None = None) -> bytes:
    """256 bytes that carry a message of up to 245 bytes and its signature; the same message gives the same bytes."""
    require(Use.SIGN_PROOF, moment)
    return legacy.sign_with_recovery(rsa_private(private_key), message)


def recover_message(block: bytes, public_key: PublicKey, *, moment: datetime | None = None) -> bytes:
    """The message of ``sign_with_recovery``; raises ``TS-1312`` when the block is not of this key."""
    require(Use.VERIFY_PROOF, moment)
    return legacy.recover_message(rsa_public(public_key), block)
