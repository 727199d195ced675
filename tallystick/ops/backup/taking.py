"""Makes a base backup: intent first, then PostgreSQL's own copy, then what lies beside it, the manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.assurance.witnesses.queries import with_cosignatures
from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.kit.atomic_file import sync_folder, write_atomically
from tallystick.ops.backup import server_questions as questions
from tallystick.ops.backup.copies import copy_file, copy_keys, copy_mirror, settings_text
from tallystick.ops.backup.manifest import (
    FORMAT,
    VERSION,
    BackupManifest,
    FileLine,
    digest_of,
    line_of,
    read_manifest,
    write_manifest,
)
from tallystick.ops.backup.places import MANIFEST, BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.tiles import CHECKPOINT_PATH

SLOT = "tallystick_backup"


@attrs.frozen(slots=True, kw_only=True)
class Taker:
    """What a backup is made of. ``dsn`` is the owner's; ``slot`` keeps the log until it is fetched (empty: none)."""

    dsn: str
    settings: Settings
    state: StateFolder
    programs: Programs
    clock: Callable[[], datetime]
    actor: str
    slot: str = SLOT

    def take(self, folder: BackupFolder, keep: int) -> Path:
        """Make a backup, and remove all but the newest ``keep``; the folder of the new one.

        Raises ``TS-3180`` (another database's folder), ``TS-3181`` (somebody else is at it), ``TS-3188``.
        """
        folder.make()
        with folder.held("take"):
            older = folder.whole()
            server, note = self._begin(older)
            began = self.clock()
            path = folder.begin(began)
            self.programs.base_backup(self.dsn, path / "postgres")
            left_out = self._beside(path, older[-1] if older else None)
            manifest = BackupManifest(
                format=FORMAT,
                version=VERSION,
                name=path.stem,
                began_ms=unix_ms(began),
                ended_ms=unix_ms(self.clock()),
                origin=self.settings.log_origin,
                system=server.system,
                timeline=server.timeline,
                server=server.version,
                wal=first_segment(path),
                checkpoint=note.decode("utf-8"),
                files=tuple(_lines(path)),
                left_out=left_out,
            )
            write_atomically(path / MANIFEST, write_manifest(manifest))
            made = folder.finish(path)
            self._made(made, manifest)
            self._retain(folder, keep)
            return made

    def _begin(self, older: list[Path]) -> tuple[questions.Server, bytes]:
        """The intent, in the activity log before anything is copied, and the newest signed head."""
        with psycopg.connect(self.dsn) as conn:
            server = questions.server(conn)
            for one in older[-1:]:
                before = read_manifest(one)
                if (before.system, before.timeline) != (server.system, server.timeline):
                    detail = "the backups there are of another database, or from before a restore; begin a new folder"
                    raise Fault("TS-3180", detail=detail)
            if self.slot:
                questions.ensure_slot(conn, self.slot)
            note = newest_checkpoint(conn)
            activity.record(conn, Act(at=self.clock(), actor=self.actor, verb="backup.begin", object=server.system))
            return server, with_cosignatures(conn, note) if note else b""

    def _beside(self, path: Path, older: Path | None) -> tuple[str, ...]:
        """What lies beside the database; returns what was left out."""
        before: Mapping[str, FileLine] = {}
        if older is not None:
            before = {line.name: line for line in read_manifest(older).files}
        mirror = Path(self.settings.mirror) if self.settings.mirror else self.state.mirror
        copy_mirror(mirror, path / "mirror", before, older)
        left_out = copy_keys(self.state.keys, path / "keys") if self.state.keys.exists() else ()
        write_atomically(path / "settings.toml", settings_text(self.settings).encode())
        published = self.state.tiles / CHECKPOINT_PATH
        if published.exists():
            copy_file(published, path / "published.note")
        for place in (path / "mirror", path):
            sync_folder(place)
        return left_out

    def _made(self, made: Path, manifest: BackupManifest) -> None:
        """The manifest's hash goes into the activity log, whose heads the ledger holds: a later change shows there."""
        facts = {"manifest": digest_of(made / MANIFEST), "wal": manifest.wal}
        act = Act(at=self.clock(), actor=self.actor, verb="backup.made", object=f"backup:{made.name}", facts=facts)
        with psycopg.connect(self.dsn) as conn:
            activity.record(conn, act)

    def _retain(self, folder: BackupFolder, keep: int) -> None:
        """Remove the oldest beyond ``keep``, and the log that only they needed."""
        backups = folder.whole()
        for old in backups[:-keep]:
            gone = old.with_name(old.name + ".unfinished")
            old.rename(gone)
            shutil.rmtree(gone)
        oldest = read_manifest(folder.whole()[0]).wal
        if any(folder.wal.iterdir()):
            self.programs.clean_up(folder.wal, oldest)


def _lines(path: Path) -> list[FileLine]:
    """All files but PostgreSQL's, whose own manifest is one of them."""
    postgres = path / "postgres"
    beside = (file for file in sorted(path.rglob("*")) if file.is_file() and postgres not in file.parents)
    return [line_of(path, postgres / "backup_manifest"), *(line_of(path, file) for file in beside)]


def first_segment(backup: Path) -> str:
    """The first segment of the log that this base backup needs, as its label says; raises ``TS-3182``."""
    for line in (backup / "postgres" / "backup_label").read_text(encoding="ascii").splitlines():
        if line.startswith("START WAL LOCATION:"):
            return line.rpartition("(file ")[2].rstrip(")")
    raise Fault("TS-3182", detail=f"{backup.name}: the label of the base backup names no beginning")
