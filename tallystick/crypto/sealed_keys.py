"""The software key store: each private key a file of its own, AES-256-GCM under a key from a passphrase (argon2id).

``store.salt``   16 random bytes, made once
``LABEL.key``    ``TSK1``, 12 bytes of nonce, ciphertext and tag over PKCS #8; the label is authenticated with it
``LABEL.pub``    the public half, PEM

All files are 0600, the folder 0700; a private key never stands on the disk in clear. Whoever has files and passphrase
has the keys: a production country uses an HSM (`token_keys`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tallystick.crypto import keys
from tallystick.crypto.hsm import check_label, unknown_key
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey
from tallystick.crypto.policy import Use, require
from tallystick.crypto.signatures import sign_ed25519, sign_invoice_text
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically

_MAGIC = b"TSK1"
_NONCE_BYTES = 12
_SALT_BYTES = 16
_KEY_BYTES = 32
_ITERATIONS, _LANES, _MEMORY_KIB = 3, 4, 64 * 1024

_MAKERS: dict[KeyKind, Callable[[], PrivateKey]] = {
    KeyKind.RSA: keys.generate_rsa_key,
    KeyKind.P256: keys.generate_p256_key,
    KeyKind.P384: keys.generate_p384_key,
    KeyKind.ED25519: keys.generate_ed25519_key,
}


class WrongPassphrase(ValueError):
    """A sealed key does not open: the passphrase is another one, or the file was changed."""


class SealedKeys:
    """A `hsm.KeyStore` in a folder. Opened keys stay in memory until `close`."""

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        """Open or begin a store; takes 0.2 s and 64 MiB. Raises ``WrongPassphrase`` when a key in it does not open."""
        require(Use.DERIVE_STORE_KEY, None)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._opened: dict[str, PrivateKey] = {}
        self._cipher = AESGCM(_derive(passphrase, _salt(folder)))
        for label in self.labels():
            self._opened[label] = self._open(label)

    def generate(self, label: str, kind: KeyKind) -> PublicKey:
        """See `hsm.KeyStore`; the sealed file is on the disk before the public key is given."""
        if self._file(label, "key").exists():
            raise Fault("TS-3004", detail=f"there is a key {label} already")
        require(Use.SEAL_STORE_KEY, None)
        key = _MAKERS[kind]()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _MAGIC + nonce + self._cipher.encrypt(nonce, key.pkcs8, label.encode())
        write_atomically(self._file(label, "pub"), key.public.pem, mode=0o600)
        write_atomically(self._file(label, "key"), sealed, mode=0o600)
        self._opened[label] = key
        return key.public

    def labels(self) -> tuple[str, ...]:
        """See `hsm.KeyStore`; a key that was opened signs on without its file."""
        return tuple(sorted({file.stem for file in self._folder.glob("*.key")} | self._opened.keys()))

    def public_key(self, label: str) -> PublicKey:
        """See `hsm.KeyStore`."""
        return self._key(label).public

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """See `hsm.KeyStore`."""
        if use is Use.SIGN_INVOICE:
            return sign_invoice_text(self._key(label), text, moment=moment)
        if use is Use.SIGN_CHECKPOINT:
            return sign_ed25519(self._key(label), text, moment=moment)
        raise Fault("TS-1310", detail=f"this store does not sign for {use.name}")

    def close(self) -> None:
        """See `hsm.KeyStore`."""
        self._opened.clear()

    def _key(self, label: str) -> PrivateKey:
        key = self._opened.get(label)
        if key is None:
            key = self._opened[label] = self._open(label)
        return key

    def _open(self, label: str) -> PrivateKey:
        """Also a key that another process made meanwhile."""
        try:
            sealed = self._file(label, "key").read_bytes()
        except (FileNotFoundError, ValueError):
            raise unknown_key(label) from None
        body = sealed.removeprefix(_MAGIC)
        try:
            plain = self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], label.encode())
        except (InvalidTag, ValueError):
            raise WrongPassphrase(f"{label}.key does not open with this passphrase") from None
        return PrivateKey.from_pkcs8(plain, is_ours=True)

    def _file(self, label: str, kind: str) -> Path:
        return self._folder / f"{check_label(label)}.{kind}"


def _salt(folder: Path) -> bytes:
    file = folder / "store.salt"
    if not file.exists():
        write_atomically(file, os.urandom(_SALT_BYTES), mode=0o600)
    return file.read_bytes()


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=_KEY_BYTES, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive(passphrase)
