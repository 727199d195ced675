"""Who else remembers the ledger: signed heads from the backup, the mirror, what was published, witnesses, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.assurance.witnesses import queries as witnesses
from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger.beyond import entries_beyond, newest_note
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.known_heads import KnownHead, read_known
from tallystick.authority.ledger.store import load_tree_state
from tallystick.kernel.hashing import sha256
from tallystick.kit.http_call import Away, call
from tallystick.ops.authority_keys import check_note
from tallystick.ops.backup.manifest import BackupManifest
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.processes.assurance import witness_addresses
from tallystick.wire.key_change import MEDIA_TYPE, accepted_log_keys
from tallystick.wire.record import read_record
from tallystick.wire.signed_note import NOTE_BYTES_MAX, NoteKey
from tallystick.wire.tiles import CHECKPOINT_PATH

Connection = psycopg.Connection[Any]
Notes = Iterator[tuple[str, bytes]]
_WITNESS_SECONDS = 5.0


@attrs.frozen(slots=True, kw_only=True)
class Sources:
    """Where heads are looked for. ``files`` are heads that somebody brought: of a device, a monitor, a court."""

    origin: str
    first_key: NoteKey
    mirror: Path
    tiles: Path
    witness_urls: str = ""
    files: Sequence[Path] = ()
    tell: Callable[[str], None] = lambda line: None

    def notes(self, conn: Connection, folder: BackupFolder | None, backup: Path | None) -> Notes:
        """Every head that can be had, with the place where it was kept; what cannot be reached is told and left out."""
        if folder is not None and folder.newest_note.exists():
            yield "whoever followed the log", folder.newest_note.read_bytes()
        if backup is not None and (backup / "published.note").exists():
            yield "published, in the backup", (backup / "published.note").read_bytes()
        if (self.tiles / CHECKPOINT_PATH).exists():
            yield "published", (self.tiles / CHECKPOINT_PATH).read_bytes()
        if note := newest_note(self.mirror):
            yield "the mirror", note
        for path in self.files:
            yield str(path), path.read_bytes()[: NOTE_BYTES_MAX + 1]
        yield from self._witnesses(conn)

    def _witnesses(self, conn: Connection) -> Notes:
        addresses = witness_addresses(self.witness_urls)
        place = f"/logs/{sha256(self.origin.encode()).hex()}/checkpoint"
        for one in witnesses.watched_by(conn):
            url = addresses.get(one.witness.name, one.witness.url)
            name = f"witness {one.witness.name}"
            if not url:
                self.tell(f"{name} cannot be asked: its address is in neither the policy nor witness_urls")
                continue
            try:
                reply = call(url.rstrip("/") + place, timeout_seconds=_WITNESS_SECONDS)
            except (Away, ValueError) as error:
                self.tell(f"{name} cannot be asked: {error}")
                continue
            if reply.status == 200:
                yield name, reply.body
            else:
                self.tell(f"{name} answers {reply.status}")

    def keys(self, conn: Connection) -> list[NoteKey]:
        """All keys of the log, those of changes that only the mirror knows of included; raises ``TS-1312``."""
        notes = change_notes(conn)
        size = load_tree_state(conn).size
        for entry in entries_beyond(self.mirror, size, EntryKind.KEY_CHANGE):
            if read_record(entry.record).media_type == MEDIA_TYPE and entry.body not in notes:
                notes.append(entry.body)
        return [accepted.key for accepted in accepted_log_keys(self.first_key, notes, check_note)]

    def known(self, notes: Iterable[tuple[str, bytes]], keys: Sequence[NoteKey]) -> list[KnownHead]:
        """The heads, read and checked, largest first."""
        heads = [read_known(source, note, self.origin, keys, check_note) for source, note in notes]
        return sorted(heads, key=lambda head: -head.size)


def of_manifest(manifest: BackupManifest) -> Notes:
    """The head that stood when the backup began: the least that it must hold."""
    if manifest.checkpoint:
        yield f"the manifest of {manifest.name}", manifest.checkpoint.encode()
