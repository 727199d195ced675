"""What a backup says of itself: every file with its SHA-256, and the newest signed head when it began.

PostgreSQL's files stand in its own `backup_manifest` (SHA-256 as well), and that file stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256_of_pieces
from tallystick.ops.backup.places import MANIFEST

FORMAT = "tallystick-backup"
VERSION = 1
_READ_BYTES = 1024 * 1024
_BYTES_MAX = 64 * 2**20


class FileLine(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its path below the backup's folder, its length, SHA-256 in hex."""

    name: str
    bytes: int
    sha256: str


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times are Unix ms; ``system`` names the database cluster, ``wal`` the first segment that a restore needs.

    ``checkpoint`` is the newest signed head (a note, with its cosignatures) before the backup began; ``left_out`` are
    files that hold secrets in clear and are no part of any backup.
    """

    format: str
    version: int
    name: str
    began_ms: int
    ended_ms: int
    origin: str
    system: str
    timeline: int
    server: str
    wal: str
    checkpoint: str
    files: tuple[FileLine, ...]
    left_out: tuple[str, ...]


def write_manifest(manifest: BackupManifest) -> bytes:
    """The bytes of the manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read_manifest(backup: Path) -> BackupManifest:
    """Read it; raises ``TS-3182``."""
    try:
        with (backup / MANIFEST).open("rb") as file:
            manifest = msgspec.json.decode(file.read(_BYTES_MAX), type=BackupManifest)
    except (OSError, msgspec.DecodeError) as error:
        raise Fault("TS-3182", detail=f"{backup.name}: the manifest cannot be read: {error}") from error
    if (manifest.format, manifest.version) != (FORMAT, VERSION) or manifest.name != backup.name:
        raise Fault("TS-3182", detail=f"{backup.name}: the manifest is of another format or backup")
    return manifest


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return sha256_of_pieces(iter(lambda: file.read(_READ_BYTES), b"")).hex()


def line_of(backup: Path, path: Path) -> FileLine:
    """The line of a file of this backup."""
    return FileLine(name=str(path.relative_to(backup)), bytes=path.stat().st_size, sha256=digest_of(path))


def differences(backup: Path, manifest: BackupManifest) -> Iterator[str]:
    """Every file that is missing, changed or cut. PostgreSQL's own files are the matter of pg_verifybackup."""
    for line in manifest.files:
        path = backup / line.name
        if ".." in Path(line.name).parts or Path(line.name).is_absolute():
            yield f"{line.name}: not a name below the backup"
        elif not path.is_file():
            yield f"{line.name}: missing"
        elif path.stat().st_size != line.bytes:
            yield f"{line.name}: {path.stat().st_size} bytes, the manifest says {line.bytes}"
        elif digest_of(path) != line.sha256:
            yield f"{line.name}: changed"
