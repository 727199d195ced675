"""The ledger's self-check, with what lies beside the tables: mirror, published tiles, the log's public key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg

from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger.findings import Finding
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_ed25519
from tallystick.ops.authority_keys import check_note
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.key_change import accepted_log_keys
from tallystick.wire.signed_note import KeyType, NoteKey


def check_signature(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Checks a signature line of a note; raises ``TS-1312``."""
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


def check_ledger(
    dsn: str,
    settings: Settings,
    state: StateFolder,
    log_key: PublicKey,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """Check all of it; ``dsn`` may read every table. An empty list is a whole ledger.

    ``log_key`` is the log's first key: those that follow are accepted by the statements that lead to them, and raise
    ``TS-1312`` when one does not.
    """
    mirror = Path(settings.mirror) if settings.mirror else state.mirror

    first = NoteKey(settings.log_origin, KeyType.LOG, log_key.raw)
    with psycopg.connect(dsn) as connection:
        notes = change_notes(connection)
    sources = SweepSources(
        mirror_folder=mirror if mirror.exists() else None,
        published_folder=state.tiles if state.tiles.exists() else None,
        keys=tuple(accepted.key for accepted in accepted_log_keys(first, notes, check_note)),
        check=check_signature,
    )
    return full_check(dsn, sources, progress)
