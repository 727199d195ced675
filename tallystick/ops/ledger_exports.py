"""Exports of the ledger and drills on it, as the assembly wires them: keys, issuers, and the log of acts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.crypto.certificates import der_of
from tallystick.crypto.pki import DemoPki
from tallystick.ops.override_desk import shell
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.ledger_export import Manifest
from tallystick.wire.signed_note import KeyType, NoteKey

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
    issuers = (der_of(pki.files.client_authority.read_bytes()),)
    return export_ledger(dsn, folder, scope, issuers=issuers, head=head, progress=progress)


def policy_text(settings: Settings, pki: DemoPki) -> str:
    """A policy that trusts this country: to be handed over by another way than the export."""
    log = NoteKey(settings.log_origin, KeyType.LOG, pki.public_key("log").raw)
    return f"# Whom to trust. Compare the keys with somebody else's copy.\nlog {log.verifier_key}\nroot root.pem\n"


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
