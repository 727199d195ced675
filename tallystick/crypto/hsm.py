"""The port behind which the authority's signing keys lie (S0-039): generate, list, public key, sign; never a key out.

Two implementations: `sealed_keys` keeps encrypted files, `token_keys` speaks PKCS#11 to a hardware or soft HSM. A key
is found by its label and bound to one purpose, which no later call can change. What is wanted of it is said by the
`Use` of each call; purpose and registry of algorithms are asked first.
"""

from __future__ import annotations

import re
import stat
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class KeyStore(Protocol):
    """Keys by label. A store belongs to one thread at a time.

    Every method raises ``TS-5004`` when the store cannot be reached, has no such key or computes wrongly, and
    ``TS-1310`` for a use, kind or purpose that is not allowed.
    """

    def generate(self, label: str, kind: KeyKind, purpose: KeyPurpose = KeyPurpose.INVOICE) -> PublicKey:
        """Make a key that never leaves, bound to one purpose for good; raises ``TS-3004`` when the label is taken."""

    def generate_wrapping(self, label: str) -> None:
        """Make an AES-256 key that wraps other secrets and never leaves; raises ``TS-3004``."""

    def labels(self) -> tuple[str, ...]:
        """The labels of all keys, pairs and wrapping keys, sorted."""

    def purpose(self, label: str) -> KeyPurpose:
        """What a key is for."""

    def public_key(self, label: str) -> PublicKey:
        """The public half."""

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """The signature of a use over a text, at an aware moment (default: now).

        ECDSA comes as DER, RSA and Ed25519 as their 256 and 64 bytes. It was checked with the public key, except an
        invoice's: step 6 of the pipeline checks that one.
        """

    def wrap(self, label: str, secret: bytes, name: bytes) -> bytes:
        """Seal a secret under a wrapping key: nonce, ciphertext, tag; ``name`` is authenticated with it."""

    def unwrap(self, label: str, wrapped: bytes, name: bytes) -> bytes:
        """Undo ``wrap``; raises ``TS-1310`` when it was not made by this key under this name."""

    def close(self) -> None:
        """Let go of keys and sessions."""


def check_label(label: str) -> str:
    """A label is 1 to 63 lower-case letters, digits and hyphens; raises ``ValueError``."""
    if _LABEL.fullmatch(label) is None:
        raise ValueError(f"a key's label is 1 to 63 lower-case letters, digits and hyphens, not {label!r}")
    return label


def unknown_key(label: str) -> Fault:
    """The fault for a label without a key."""
    return Fault("TS-5004", detail=f"the key store has no key {label}", retry_after_seconds=60)


def wrong_signature(label: str) -> Fault:
    """The fault for a signature that the key's own public half refuses: nothing of it leaves."""
    return Fault("TS-5004", detail=f"the key store computed a wrong signature with {label}", retry_after_seconds=60)


def read_secret(path: Path) -> bytes:
    """A passphrase or PIN: the file's first line. Raises ``PermissionError`` when others may read it, ``ValueError``
    when it is empty, ``OSError``."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{path}: a secret must be readable by its owner only (mode 0600)")
    secret = path.read_bytes().split(b"\n", 1)[0].strip()
    if not secret:
        raise ValueError(f"{path}: the secret is empty")
    return secret
