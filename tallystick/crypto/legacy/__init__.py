"""The fence around old primitives that the TaxCore wire still demands (K-01, K-11): nothing else may import them.

SHA-1 with RSA PKCS#1 v1.5 signs invoices (S2-058), PKCS#1 v1.5 wraps the key and IV of a package (S2-079, S2-080),
AES-256-CBC with PKCS#7 closes it (S2-076, S2-077), and block type 1 over a message itself makes a proof of audit
recoverable. ``gost`` and ``old`` hold what a profile of modules names and what old archives were signed with. Callers
ask the registry of algorithms first.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tallystick.kernel.faults import Fault

AES_KEY_BYTES = 32
AES_BLOCK_BYTES = 16
_PKCS1 = padding.PKCS1v15()
_SHA1 = hashes.SHA1()
_RAW = utils.NoDigestInfo()
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")


def sign_sha1(key: rsa.RSAPrivateKey, text: bytes) -> bytes:
    """PKCS#1 v1.5 signature with SHA-1; as long as the modulus."""
    return key.sign(text, _PKCS1, _SHA1)


def digest_info_sha1(text: bytes) -> bytes:
    """The 35 bytes under a PKCS#1 v1.5 signature with SHA-1, for a token that only pads and signs (RFC 8017, 9.2)."""
    digest = hashes.Hash(_SHA1)
    digest.update(text)
    return _SHA1_PREFIX + digest.finalize()


def verify_sha1(key: rsa.RSAPublicKey, text: bytes, signature: bytes) -> None:
    """Check a PKCS#1 v1.5 signature with SHA-1; raises ``TS-1312``."""
    try:
        key.verify(signature, text, _PKCS1, _SHA1)
    except (InvalidSignature, ValueError):
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def verify_rsa_sha256(key: rsa.RSAPublicKey, text: bytes, signature: bytes) -> None:
    """Check a PKCS#1 v1.5 signature with SHA-256; raises ``TS-1312``."""
    try:
        key.verify(signature, text, _PKCS1, hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise Fault("TS-1312", detail="the signature is not of this key over these bytes") from None


def sign_with_recovery(key: rsa.RSAPrivateKey, message: bytes) -> bytes:
    """RSA block type 1 over the message itself (deterministic padding): the same message gives the same bytes."""
    return key.sign(message, _PKCS1, _RAW)


def recover_message(key: rsa.RSAPublicKey, block: bytes) -> bytes:
    """The message inside a block of ``sign_with_recovery``; raises ``TS-1312`` when the padding is wrong."""
    try:
        return key.recover_data_from_signature(block, _PKCS1, None)
    except (InvalidSignature, ValueError):
        raise Fault("TS-1312", detail="not a block of this key") from None


def wrap(key: rsa.RSAPublicKey, secret: bytes) -> bytes:
    """PKCS#1 v1.5 encryption of a short secret; at most 245 bytes under RSA-2048."""
    return key.encrypt(secret, _PKCS1)


def unwrap(key: rsa.RSAPrivateKey, block: bytes, length: int) -> tuple[bytes, bool]:
    """Undo ``wrap`` without telling why it failed: ``length`` bytes and whether they are the wrapped ones.

    OpenSSL rejects wrong padding implicitly: it then returns bytes derived from key and block, of any length. A block
    that is no number below the modulus costs the same private operation, on a number that is one.
    """
    fits = len(block) == key.key_size // 8
    try:
        secret = key.decrypt(block if fits else _dummy(key), _PKCS1)
    except ValueError:
        fits = False
        secret = key.decrypt(_dummy(key), _PKCS1)
    if fits and len(secret) == length:
        return secret, True
    return os.urandom(length), False


def _dummy(key: rsa.RSAPrivateKey) -> bytes:
    return (2).to_bytes(key.key_size // 8, "big")


def close(secret: bytes, iv: bytes, plain: bytes) -> bytes:
    """AES-256-CBC over PKCS#7 padded bytes (S2-076)."""
    filler = AES_BLOCK_BYTES - len(plain) % AES_BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    return encryptor.update(plain + bytes((filler,)) * filler) + encryptor.finalize()


def open_closed(secret: bytes, iv: bytes, closed: bytes) -> tuple[bytes, bool]:
    """Undo ``close``: the plain bytes and whether length and padding were right; does not say which was wrong."""
    whole = len(closed) // AES_BLOCK_BYTES * AES_BLOCK_BYTES
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).decryptor()
    padded = decryptor.update(closed[:whole]) + decryptor.finalize()
    if whole == 0 or whole != len(closed):
        return b"", False
    filler = padded[-1]
    good = 1 <= filler <= AES_BLOCK_BYTES and padded.endswith(bytes((filler,)) * filler)
    return (padded[:-filler], True) if good else (b"", False)
