"""A private key in a file under a passphrase: PKCS #8 as every TLS library reads it, AES-256, mode 0600.

For devices that have no secure element and no token: whoever has the file and the passphrase has the key.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from tallystick.crypto.keys import KeyKind, PrivateKey
from tallystick.crypto.sealed_keys import WrongPassphrase
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically

PASSPHRASE_CHARACTERS_MIN = 4
PASSPHRASE_CHARACTERS_MAX = 128


def store_under_passphrase(path: Path, key: PrivateKey, passphrase: str) -> None:
    """Write the key in one step; raises ``ValueError`` for a passphrase that is too short or too long."""
    if not PASSPHRASE_CHARACTERS_MIN <= len(passphrase) <= PASSPHRASE_CHARACTERS_MAX:
        raise ValueError(f"a passphrase has {PASSPHRASE_CHARACTERS_MIN} to {PASSPHRASE_CHARACTERS_MAX} characters")
    sealed = BestAvailableEncryption(passphrase.encode())
    write_atomically(path, key.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed), mode=0o600)


def load_under_passphrase(path: Path, passphrase: str) -> PrivateKey:
    """Read a P-256 key; raises ``WrongPassphrase``, ``OSError``, and ``TS-1310`` for a key of another kind."""
    try:
        handle = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
    except (ValueError, TypeError) as error:
        raise WrongPassphrase(f"{path.name} does not open") from error
    key = PrivateKey(handle)  # type: ignore[arg-type]  # its public half refuses what is never allowed
    if key.public.kind is not KeyKind.P256:
        raise Fault("TS-1310", detail="a device signs with a key on P-256")
    return key
