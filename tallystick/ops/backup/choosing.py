"""Chooses the backup that reaches a moment, and looks whether it is still what was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tallystick.authority.oversight.activity import queries as activity
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.ops.backup.archived import gaps, is_before, newest_whole
from tallystick.ops.backup.manifest import BackupManifest, differences, digest_of, read_manifest
from tallystick.ops.backup.places import MANIFEST, BackupFolder
from tallystick.ops.backup.programs import Programs

SEGMENT_BYTES = 16 * 2**20


def choose(folder: BackupFolder, at: datetime | None, name: str = "") -> tuple[Path, BackupManifest]:
    """The newest backup that ended before ``at``, or the one of that name; raises ``TS-3183``, ``TS-3182``."""
    folder.check()
    for path in reversed(folder.whole()):
        if name and path.name != name:
            continue
        manifest = read_manifest(path)
        if at is None or manifest.ended_ms <= unix_ms(at):
            return path, manifest
    raise Fault("TS-3183", detail=f"no backup in {folder.root} {'is ' + name if name else 'reaches that moment'}")


def damages(folder: BackupFolder, backup: Path, manifest: BackupManifest, programs: Programs) -> Iterator[str]:
    """What is not as it was made: files, PostgreSQL's files, the log that was fetched since."""
    yield from differences(backup, manifest)
    yield from programs.verify_backup(backup / "postgres")
    yield from gaps(folder.wal, manifest.wal, SEGMENT_BYTES)


def not_read_to_its_end(folder: BackupFolder, segment: str, at: datetime | None) -> Iterator[str]:
    """A recovery without a target must come to the newest whole segment: what stops it before is damage."""
    newest = newest_whole(folder.wal)
    if at is None and newest and (not segment or is_before(segment, newest)):
        yield f"the recovery ended in {segment or 'the base backup'}, and the log goes on to {newest}: it is damaged"


def manifest_as_recorded(conn: psycopg.Connection[Any], backup: Path) -> Iterator[str]:
    """The activity log, where it reaches so far, knows the manifest's hash."""
    for one in activity.newest(conn, verb="backup.made", thing=f"backup:{backup.name}", limit=1):
        if one.act.facts.get("manifest") != digest_of(backup / MANIFEST):
            yield f"the manifest of {backup.name} is another one than the activity log says"
    broken = next(iter(activity.breaks(conn)), None)
    if broken is not None:
        yield f"the activity log breaks at {broken.seq}: {broken.what}"
