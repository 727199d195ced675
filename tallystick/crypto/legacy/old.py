"""What a profile of modules names (S1-051 to S1-054) and what old archives were signed with (S0-015): to check only."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tallystick.kernel.faults import Fault

_DSA_BITS = 1024
_DSA_SUBGROUP_BITS = (160, 224)
"""FIPS 186 has 160 for this size; OpenSSL 3 makes 224 unless it is told otherwise."""
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha-1": hashes.SHA1(),
    "sha-224": hashes.SHA224(),
    "sha-256": hashes.SHA256(),
}


def digest(name: str, data: bytes) -> bytes:
    """The hash ``sha-1``, ``sha-224`` or ``sha-256`` of some bytes."""
    made = hashes.Hash(_HASHES[name])
    made.update(data)
    return made.finalize()


def triple_des_block(key: bytes, block: bytes, *, undo: bool = False) -> bytes:
    """One block of 8 bytes under a key of 16 or 24."""
    return _one_block(Cipher(TripleDES(key), modes.ECB()), block, undo)


def aes_block(key: bytes, block: bytes, *, undo: bool = False) -> bytes:
    """One block of 16 bytes under a key of 16, 24 or 32."""
    return _one_block(Cipher(algorithms.AES(key), modes.ECB()), block, undo)


def _one_block(cipher: Cipher[modes.ECB], block: bytes, undo: bool) -> bytes:
    context = cipher.decryptor() if undo else cipher.encryptor()
    return context.update(block) + context.finalize()


def verify_dsa_1024(spki: bytes, text: bytes, signature: bytes, hash_name: str) -> None:
    """Check a DSA signature (r and s side by side, or DER) by a key of 1024 bits.

    Raises ``TS-1310`` for another kind or size of key and ``TS-1312`` for a wrong signature.
    """
    key, number_bytes = _dsa_key(spki)
    encoded = signature
    if len(signature) == 2 * number_bytes:
        r, s = int.from_bytes(signature[:number_bytes], "big"), int.from_bytes(signature[number_bytes:], "big")
        encoded = utils.encode_dss_signature(r, s)
    try:
        key.verify(encoded, text, _HASHES[hash_name])
    except (InvalidSignature, ValueError):
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def _dsa_key(spki: bytes) -> tuple[dsa.DSAPublicKey, int]:
    """The key, and how many bytes each half of a signature has."""
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("TS-1310", detail="not a public key") from None
    if not isinstance(key, dsa.DSAPublicKey) or key.key_size != _DSA_BITS:
        raise Fault("TS-1310", detail="a DSA key of 1024 bits is needed here")
    subgroup = key.parameters().parameter_numbers().q.bit_length()
    if subgroup not in _DSA_SUBGROUP_BITS:
        raise Fault("TS-1310", detail="a DSA subgroup of 160 or 224 bits is needed here")
    return key, subgroup // 8
