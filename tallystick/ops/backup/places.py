"""The plan of a backup's folder, and who may work in it.

base/ID/postgres   a base backup by pg_basebackup, with its own backup_manifest
base/ID/mirror     the ledger's second copy         base/ID/keys   sealed and wrapped keys, certificates
base/ID/manifest.json   written last                wal            what pg_receivewal has streamed since
newest.note        the largest signed head seen by whoever follows
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import sync_folder, write_atomically

MANIFEST = "manifest.json"
UNFINISHED = ".unfinished"
_MARKER = ".tallystick-backup"


@attrs.frozen(slots=True)
class BackupFolder:
    """A property names a place; only `make` touches the disk."""

    root: Path

    @property
    def base(self) -> Path:
        """Base backups, a folder each."""
        return self.root / "base"

    @property
    def wal(self) -> Path:
        """The write-ahead log."""
        return self.root / "wal"

    @property
    def newest_note(self) -> Path:
        """The largest signed head that was seen while the log was followed."""
        return self.root / "newest.note"

    def make(self) -> None:
        """Make the folder; raises ``TS-3180`` for one that holds something else."""
        if self.root.exists() and any(self.root.iterdir()) and not (self.root / _MARKER).exists():
            raise Fault("TS-3180", detail=f"{self.root} holds something that is no backup of ours")
        for folder in (self.root, self.base, self.wal):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self.root / _MARKER, b"")

    def check(self) -> None:
        """Raises ``TS-3180`` unless this is a folder of backups."""
        if not (self.root / _MARKER).exists():
            raise Fault("TS-3180", detail=f"{self.root} is no folder of backups")

    def whole(self) -> list[Path]:
        """The backups that are whole, oldest first."""
        return sorted(path for path in self.base.glob("*") if (path / MANIFEST).exists() and path.suffix != UNFINISHED)

    def begin(self, at: datetime) -> Path:
        """The folder of a new backup, which is not whole yet; those of interrupted runs are removed."""
        for left in self.base.glob(f"*{UNFINISHED}"):
            shutil.rmtree(left)
        path = self.base / f"{at:%Y%m%dT%H%M%SZ}{UNFINISHED}"
        if path.with_suffix("").exists():
            raise Fault("TS-3181", detail=f"{path.stem} was made in this very second")
        path.mkdir(mode=0o700)
        return path

    def finish(self, unfinished: Path) -> Path:
        """The backup is whole: it gets its name."""
        whole = unfinished.with_suffix("")
        unfinished.rename(whole)
        sync_folder(self.base)
        return whole

    @contextmanager
    def held(self, what: str) -> Iterator[None]:
        """Be the only one who does this here; raises ``TS-3181`` while another does."""
        with (self.root / f".{what}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Fault("TS-3181", detail=f"somebody else is at it in {self.root}") from None
            yield
