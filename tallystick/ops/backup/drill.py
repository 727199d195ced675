"""The drill: a backup is restored for real in a folder of its own, completed, checked, and thrown away."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.mirror import segments
from tallystick.kernel.faults import Fault
from tallystick.ops.backup.choosing import choose, damages, manifest_as_recorded, not_read_to_its_end
from tallystick.ops.backup.cluster import lay_out, recovered
from tallystick.ops.backup.completing import Outcome, complete, timed
from tallystick.ops.backup.copies import copy_mirror
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.backup.sources import Notes, Sources, of_manifest

Progress = Callable[[int, int], None]


def drill(
    folder: BackupFolder,
    sources: Sources,
    programs: Programs,
    copies: Path,
    *,
    now: datetime,
    at: datetime | None = None,
    name: str = "",
    place: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Restore the backup beside everything that runs, and say what came out; nothing of it stays, nothing else changes.

    ``place`` is where the copy is made (it needs the room of the database twice). Raises ``TS-3180``, ``TS-3183``.
    """
    backup, manifest = choose(folder, at, name)
    outcome = Outcome()
    with timed(outcome, "verifying the backup"):
        outcome.troubles += damages(folder, backup, manifest, programs)
    if any(not trouble.startswith("wal: ") for trouble in outcome.troubles):
        return outcome  # what is cut cannot be restored
    with tempfile.TemporaryDirectory(prefix="tallystick-restore-", dir=place) as made:
        Path(made).chmod(0o755)  # the server's account passes through
        began = time.monotonic()
        target, mirror = Path(made) / "postgres", Path(made) / "mirror"
        found = sources.mirror if segments(sources.mirror) else backup / "mirror"

        def notes(conn: psycopg.Connection[Any]) -> Notes:
            yield from of_manifest(manifest)
            yield from attrs.evolve(sources, mirror=found).notes(conn, folder, backup)
            copy_mirror(found, mirror, {}, None)  # behind the heads, so that it holds what they cover

        try:
            lay_out(backup, folder.wal, manifest, target, at)
            with recovered(target, copies, durable=False) as server:
                outcome.seconds["recovering"] = time.monotonic() - began
                _examine(outcome, folder, backup, server.dsn, server.segment, at)
                outcome = _with(outcome, _complete(server.dsn, sources, mirror, notes, now, progress))
        except (Fault, psycopg.Error) as error:
            outcome.troubles.append(str(error).strip())
        finally:
            shutil.rmtree(target, ignore_errors=True)
    return outcome


def _examine(outcome: Outcome, folder: BackupFolder, backup: Path, dsn: str, segment: str, at: datetime | None) -> None:
    outcome.troubles += not_read_to_its_end(folder, segment, at)
    with psycopg.connect(dsn) as conn:
        outcome.troubles += manifest_as_recorded(conn, backup)


def _complete(
    dsn: str,
    sources: Sources,
    mirror: Path,
    notes: Callable[[psycopg.Connection[Any]], Notes],
    now: datetime,
    progress: Progress,
) -> Outcome:
    return complete(dsn, attrs.evolve(sources, mirror=mirror), notes, now, progress)


def _with(before: Outcome, after: Outcome) -> Outcome:
    after.troubles[:0] = before.troubles
    after.seconds = before.seconds | after.seconds
    return after
