"""What a controller computes when a station asks it a question with a published answer (S1-050 to S1-055).

Only the virtual module computes here, in the place of its controller; a station knows the answers and no algorithm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.crypto.module_algorithms import digest, encrypt_block
from tallystick.kernel.fiscal_module import ModuleAlgorithm

Compute = Callable[[bytes, bytes], bytes]
"""Key and text in, answer out; raises ``ValueError`` or a fault for what does not fit."""

_BOXES = "id-tc26-gost-28147-param-Z"
_UNCOMPRESSED = b"\x04"


def _block(algorithm: ModuleAlgorithm) -> Compute:
    return lambda key, block: encrypt_block(algorithm, key, block, boxes=_BOXES)


def _hash(algorithm: ModuleAlgorithm) -> Compute:
    return lambda _, text: digest(algorithm, text)


def _p256_agreement(key: bytes, point: bytes) -> bytes:
    """The x coordinate of a private scalar (32 bytes) times a point (x and y, 64 bytes) of P-256."""
    curve = ec.SECP256R1()
    private = ec.derive_private_key(int.from_bytes(key, "big"), curve)
    return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, _UNCOMPRESSED + point))


COMPUTED: Mapping[ModuleAlgorithm, Compute] = MappingProxyType(
    {
        **{
            one: _block(one) for one in (ModuleAlgorithm.GOST_28147_89, ModuleAlgorithm.TRIPLE_DES, ModuleAlgorithm.AES)
        },
        **{one: _hash(one) for one in (ModuleAlgorithm.SHA_1, ModuleAlgorithm.SHA_224, ModuleAlgorithm.SHA_256)},
        ModuleAlgorithm.ECC: _p256_agreement,
    }
)
