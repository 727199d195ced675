"""Exports of the ledger and drills on it, as the assembly wires them: keys, issuers, and the log of acts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.ledger.queries import head_up_to
from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.pki.queries import authorities, newest_trust_list
from tallystick.authority.reference.registry.queries import device_certificates
from tallystick.crypto.pki import CARDS, DemoPki
from tallystick.ops.authority_keys import check_note
from tallystick.ops.override_desk import shell
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.key_change import accepted_log_keys
from tallystick.wire.ledger_export import Manifest
from tallystick.wire.signed_note import KeyType, NoteKey, parse_note

PACK_FILE = "pack.toml"
"""The country's pack beside a policy: its rates are what the taxes of national documents are recomputed with."""
_MIGRATION_SECONDS = 300


def export_with_record(
    dsn: str,
    folder: Path,
    scope: ExportScope,
    pki: DemoPki,
    *,
    head: bytes = b"",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Export, after the activity log has it: whoever takes the ledger out of the house is named first."""
    act = Act(
        at=datetime.now(UTC),
        actor=shell(),
        verb="ledger.export",
        object=scope.name,
        for_whom=scope.tin,
        facts=scope.of,
    )
    with psycopg.connect(dsn) as connection:
        record(connection, act)
        changes, kept = change_notes(connection), newest_trust_list(connection)
        issuers = issuers_of(connection, pki)
    trust_list = b"" if kept is None else kept.text.encode()
    with psycopg.connect(dsn, autocommit=True) as connection:
        return export_ledger(
            dsn,
            folder,
            scope,
            issuers=issuers,
            key_changes=changes,
            trust_list=trust_list,
            head=head,
            certificates=lambda hashes: issued(connection, hashes),
            progress=progress,
        )


def issuers_of(connection: psycopg.Connection[Any], pki: DemoPki) -> tuple[bytes, ...]:
    """Every authority between a signer and the root, DER: those of cards, and all of the national PKI."""
    return tuple(dict.fromkeys((*pki.branches.certificates(CARDS), *authorities(connection).values())))


def issued(connection: psycopg.Connection[Any], hashes: Collection[bytes]) -> list[bytes]:
    """Certificates of national devices by their SHA-256."""
    return [one.certificate for one in device_certificates(connection, hashes).values()]


def policy_text(dsn: str, settings: Settings, pki: DemoPki) -> str:
    """A policy that trusts this country: to be handed over by another way than the export.

    A key of the log that another one followed speaks alone up to the last head without the other's signature.
    """
    first = NoteKey(settings.log_origin, KeyType.LOG, pki.public_key("log").raw)
    with psycopg.connect(dsn, autocommit=True) as connection:
        keys = [one.key for one in accepted_log_keys(first, change_notes(connection), check_note)]
        limits = [f" up-to {last_without(connection, key)}" for key in keys[1:]]
    logs = (f"log {key.verifier_key}{limit}\n" for key, limit in zip(keys, [*limits, ""], strict=True))
    head = "# Whom to trust. Compare the keys with somebody else's copy.\n"
    return f"{head}{''.join(logs)}root root.pem\npack {PACK_FILE}\n"


def last_without(connection: psycopg.Connection[Any], key: NoteKey) -> int:
    """The size of the last head that lacks the signature of a key, which every later one bears; 0 where none does."""
    low, high = 0, head_up_to(connection, None)[0] + 1
    while high - low > 1:
        middle = (low + high) // 2
        _, note = head_up_to(connection, middle)
        bears = bool(note) and any(line.key_id == key.key_id for line in parse_note(note).signatures)
        low, high = (low, middle) if bears else (middle, high)
    return head_up_to(connection, low)[0]


@contextmanager
def drill_server(state: StateFolder) -> Iterator[str]:
    """A server of its own, empty and migrated, in a folder that is removed: no drill comes near a real one.

    Gives the connection string of its administrator.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-drill-") as name:
        Path(name).chmod(0o755)  # the server's account passes through
        with EmbeddedPostgres(Path(name) / "postgres", durable=False, copies=state.binaries) as server:
            migrate = [sys.executable, "-m", "tallystick.ops.schema.migrate", server.owner_dsn]
            subprocess.run(migrate, check=True, timeout=_MIGRATION_SECONDS)
            yield make_conninfo(server.owner_dsn, dbname="postgres")
