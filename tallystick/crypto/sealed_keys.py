"""The software key store: each key a file of its own, AES-256-GCM under a key from a passphrase (argon2id).

``store.salt``   16 random bytes, made once
``LABEL.key``    ``TSK2``, length and name of the purpose, 12 bytes of nonce, ciphertext and tag over PKCS #8 (or over
                 the 32 bytes of a wrapping key); label and purpose are authenticated with it
``LABEL.pub``    the public half, PEM; none for a wrapping key

``TSK1`` is the older form, without a purpose: such keys sign invoices. All files are 0600, the folder 0700; no key ever
stands on the disk in clear. Whoever has files and passphrase has the keys: a production country uses an HSM
(`token_keys`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from datetime import datetime
from pathlib import Path

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tallystick.crypto import keys
from tallystick.crypto.hsm import check_label, unknown_key, wrong_signature
from tallystick.crypto.key_purposes import KeyPurpose, require_kind, require_use, verify_use
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import read_or_make, write_atomically

_MAGIC, _MAGIC_BEFORE = b"TSK2", b"TSK1"
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


@attrs.frozen(slots=True)
class _Opened:
    """A key in memory: a pair, or the cipher of a wrapping key."""

    purpose: KeyPurpose
    pair: PrivateKey | None = None
    cipher: AESGCM | None = None


class SealedKeys:
    """A `hsm.KeyStore` in a folder. Opened keys stay in memory until `close`."""

    def __init__(self, folder: Path, passphrase: bytes, *, only: Set[KeyPurpose] = frozenset(KeyPurpose)) -> None:
        """Open or begin a store; takes 0.2 s and 64 MiB. Keys of other purposes than ``only`` stay sealed.

        Raises ``WrongPassphrase`` when a key in it does not open.
        """
        require(Use.DERIVE_STORE_KEY, None)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder, self._only = folder, frozenset(only)
        self._opened: dict[str, _Opened] = {}
        self._cipher = AESGCM(_derive(passphrase, _salt(folder)))
        for file in sorted(folder.glob("*.key")):
            if _purpose_of(file.read_bytes()) in self._only:
                self._opened[file.stem] = self._open(file.stem)

    def generate(self, label: str, kind: KeyKind, purpose: KeyPurpose = KeyPurpose.INVOICE) -> PublicKey:
        """See `hsm.KeyStore`; the sealed file is on the disk before the public key is given."""
        require_kind(purpose, kind)
        self._refuse_taken(label)
        key = _MAKERS[kind]()
        self.adopt(label, key, purpose)
        return key.public

    def adopt(self, label: str, key: PrivateKey, purpose: KeyPurpose) -> None:
        """Take in a key that lay in a file before; raises ``TS-3004`` when the label is taken."""
        require_kind(purpose, key.public.kind)
        self._refuse_taken(label)
        write_atomically(self._file(label, "pub"), key.public.pem, mode=0o600)
        self._seal(label, purpose, key.pkcs8)
        self._opened[label] = _Opened(purpose, pair=key)

    def generate_wrapping(self, label: str) -> None:
        """See `hsm.KeyStore`."""
        self._refuse_taken(label)
        secret = os.urandom(_KEY_BYTES)
        self._seal(label, KeyPurpose.WRAPPING, secret)
        self._opened[label] = _Opened(KeyPurpose.WRAPPING, cipher=AESGCM(secret))

    def labels(self) -> tuple[str, ...]:
        """See `hsm.KeyStore`; a key that was opened signs on without its file."""
        return tuple(sorted({file.stem for file in self._folder.glob("*.key")} | self._opened.keys()))

    def purpose(self, label: str) -> KeyPurpose:
        """See `hsm.KeyStore`."""
        return self._key(label).purpose

    def public_key(self, label: str) -> PublicKey:
        """See `hsm.KeyStore`."""
        return _pair(self._key(label)).public

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """See `hsm.KeyStore`."""
        key = self._key(label)
        scheme = require_use(key.purpose, use, moment)
        pair = _pair(key)
        signature = scheme.sign(pair, text, moment)
        if use is not Use.SIGN_INVOICE:
            try:
                verify_use(pair.public, use, text, signature)
            except Fault:
                raise wrong_signature(label) from None
        return signature

    def wrap(self, label: str, secret: bytes, name: bytes) -> bytes:
        """See `hsm.KeyStore`."""
        require(Use.SEAL_STORE_KEY, None)
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + _wrapping(self._key(label)).encrypt(nonce, secret, name)

    def unwrap(self, label: str, wrapped: bytes, name: bytes) -> bytes:
        """See `hsm.KeyStore`."""
        try:
            return _wrapping(self._key(label)).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            raise Fault("TS-1310", detail="this was not wrapped by this key under this name") from None

    def close(self) -> None:
        """See `hsm.KeyStore`."""
        self._opened.clear()

    def _refuse_taken(self, label: str) -> None:
        if self._file(label, "key").exists():
            raise Fault("TS-3004", detail=f"there is a key {label} already")

    def _seal(self, label: str, purpose: KeyPurpose, plain: bytes) -> None:
        require(Use.SEAL_STORE_KEY, None)
        name, nonce = purpose.encode(), os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain, _bound(label, purpose))
        write_atomically(self._file(label, "key"), _MAGIC + bytes([len(name)]) + name + nonce + sealed, mode=0o600)

    def _key(self, label: str) -> _Opened:
        key = self._opened.get(label)
        if key is None:
            key = self._opened[label] = self._open(label)
        return key

    def _open(self, label: str) -> _Opened:
        """Also a key that another process made meanwhile."""
        try:
            sealed = self._file(label, "key").read_bytes()
        except (FileNotFoundError, ValueError):
            raise unknown_key(label) from None
        purpose = _purpose_of(sealed)
        if purpose not in self._only:
            raise Fault("TS-1310", detail=f"this process does not use keys for {purpose}")
        start = len(_MAGIC) + 1 + sealed[len(_MAGIC)] if sealed.startswith(_MAGIC) else len(_MAGIC_BEFORE)
        name = _bound(label, purpose) if sealed.startswith(_MAGIC) else label.encode()
        body = sealed[start:]
        try:
            plain = self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            raise WrongPassphrase(f"{label}.key does not open with this passphrase") from None
        if purpose is KeyPurpose.WRAPPING:
            return _Opened(purpose, cipher=AESGCM(plain))
        return _Opened(purpose, pair=PrivateKey.from_pkcs8(plain, is_ours=True))

    def _file(self, label: str, kind: str) -> Path:
        return self._folder / f"{check_label(label)}.{kind}"


def _purpose_of(sealed: bytes) -> KeyPurpose:
    """The purpose that a file names; what it says is authenticated only when the key is opened."""
    if not sealed.startswith(_MAGIC):
        return KeyPurpose.INVOICE
    length = sealed[len(_MAGIC)] if len(sealed) > len(_MAGIC) else 0
    try:
        return KeyPurpose(sealed[len(_MAGIC) + 1 : len(_MAGIC) + 1 + length].decode())
    except ValueError:
        raise WrongPassphrase("a sealed key names no purpose of ours") from None


def _bound(label: str, purpose: KeyPurpose) -> bytes:
    return b"\0".join((label.encode(), purpose.encode()))


def _pair(key: _Opened) -> PrivateKey:
    if key.pair is None:
        raise Fault("TS-1310", detail="a wrapping key signs nothing")
    return key.pair


def _wrapping(key: _Opened) -> AESGCM:
    if key.cipher is None:
        raise Fault("TS-1310", detail=f"a key for {key.purpose} wraps nothing")
    return key.cipher


def _salt(folder: Path) -> bytes:
    """One for all processes: under another salt nobody opens what was sealed under this one."""
    return read_or_make(folder / "store.salt", lambda: os.urandom(_SALT_BYTES))


def _derive(passphrase: bytes, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=_KEY_BYTES, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive(passphrase)
