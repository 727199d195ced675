"""The port behind which the authority's signing keys lie (S0-039): generate, list, public key, sign; never a key out.

Two implementations: `sealed_keys` keeps encrypted files, `token_keys` speaks PKCS#11 to a hardware or soft HSM. A key
is found by its label. What a key may do is said by the `Use` of each call; the registry of algorithms is asked first.
"""

from __future__ import annotations

import re
import stat
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class KeyStore(Protocol):
    """Keys by label. A store belongs to one thread at a time.

    Every method raises ``TS-5004`` when the store cannot be reached or has no such key, and ``TS-1310`` for a use or
    kind that is not allowed.
    """

    def generate(self, label: str, kind: KeyKind) -> PublicKey:
        """Make a key that never leaves; raises ``TS-3004`` when the label is taken."""

    def labels(self) -> tuple[str, ...]:
        """The labels of all private keys, sorted."""

    def public_key(self, label: str) -> PublicKey:
        """The public half."""

    def sign(self, label: str, use: Use, text: bytes, *, moment: datetime | None = None) -> bytes:
        """The signature of a use over a text, at an aware moment (default: now)."""

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


def read_secret(path: Path) -> bytes:
    """A passphrase or PIN: the file's first line. Raises ``PermissionError`` when others may read it, ``ValueError``
    when it is empty, ``OSError``."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{path}: a secret must be readable by its owner only (mode 0600)")
    secret = path.read_bytes().split(b"\n", 1)[0].strip()
    if not secret:
        raise ValueError(f"{path}: the secret is empty")
    return secret
