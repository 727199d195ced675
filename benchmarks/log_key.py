"""A log key in this process, for ledgers of tests and benchmarks that have no key processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tallystick.crypto.keys import generate_ed25519_key, load_private_key, store_private_key
from tallystick.crypto.signatures import sign_ed25519
from tallystick.wire.signed_note import KeyType, NoteKey, Sign


def file_signers(path: Path, origin: str) -> Callable[[], Sequence[tuple[NoteKey, Sign]]]:
    """The one signer of a ledger whose key lies in a file; made where it is missing."""
    if not path.exists():
        store_private_key(path, generate_ed25519_key())
    key = load_private_key(path)
    signer = NoteKey(origin, KeyType.LOG, key.public.raw), lambda message: sign_ed25519(key, message)
    return lambda: (signer,)
