"""What a controller computes when a station asks it a question with a published answer (S1-050 to S1-055).

Only the virtual module computes here, in the place of its controller; a station knows the answers and no algorithm.
An algorithm that is not in the table is one that our virtual module claims and does not lay open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tallystick.kernel.fiscal_module import ModuleAlgorithm

Compute = Callable[[bytes, bytes], bytes]
"""Key and text in, answer out; raises ``ValueError`` for what does not fit."""

_UNCOMPRESSED = b"\x04"


def _sha_224(_: bytes, text: bytes) -> bytes:
    return _digest(hashes.SHA224(), text)


def _sha_256(_: bytes, text: bytes) -> bytes:
    return _digest(hashes.SHA256(), text)


def _digest(algorithm: hashes.HashAlgorithm, text: bytes) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(text)
    return made.finalize()


def _aes_block(key: bytes, block: bytes) -> bytes:
    """One block under a key of 16, 24 or 32 bytes."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as the question is
    return encryptor.update(block) + encryptor.finalize()


def _p256_agreement(key: bytes, point: bytes) -> bytes:
    """The x coordinate of a private scalar (32 bytes) times a point (x and y, 64 bytes) of P-256."""
    curve = ec.SECP256R1()
    private = ec.derive_private_key(int.from_bytes(key, "big"), curve)
    return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, _UNCOMPRESSED + point))


COMPUTED: Mapping[ModuleAlgorithm, Compute] = MappingProxyType(
    {
        ModuleAlgorithm.AES: _aes_block,
        ModuleAlgorithm.SHA_224: _sha_224,
        ModuleAlgorithm.SHA_256: _sha_256,
        ModuleAlgorithm.ECC: _p256_agreement,
    }
)
