"""What one monitor keeps: how far it followed a log, what is pending, and alarms with both notes. Its only SQL."""

from __future__ import annotations

from pathlib import Path

import attrs

from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import EMPTY_ROOT, Frontier
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.sqlite_file import SqliteFile
from tallystick.wire.key_change import read_key_changes, write_key_changes


@attrs.frozen(slots=True)
class Followed:
    """The head to which every entry was looked at; before the first one, the empty tree."""

    size: int = 0
    right_edge: bytes = b""
    root: bytes = EMPTY_ROOT
    note: bytes = b""

    def frontier(self) -> Frontier:
        """The tree so far, to go on from."""
        return Frontier.restore(self.size, self.right_edge)


@attrs.frozen(slots=True)
class Alarm:
    """Something that cannot be, with what we hold and what was shown."""

    number: int
    at: int
    place: str
    what: str
    ours: bytes
    theirs: bytes


class MonitorStore:
    """The file of one monitor."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises ``sqlite3.DatabaseError``."""
        self._folder = path.parent
        self._file = SqliteFile(path, "tallystick.witness", schema="monitor_schema.sql", queries="monitor_queries.sql")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def followed(self, origin: str) -> Followed:
        """How far a log was followed."""
        row = self._file.row("followed", {"origin": origin})
        return Followed(*row) if row else Followed()

    def follow(self, origin: str, now: Followed, at: int) -> None:
        """Take a further head, durably."""
        with self._file.transaction():
            self._file.run("follow", {"origin": origin, "at": at} | attrs.asdict(now))

    def key_changes(self, origin: str) -> list[bytes]:
        """The notes of a log's key changes that were believed, oldest first."""
        try:
            return read_key_changes(self._changes(origin).read_bytes())
        except FileNotFoundError:
            return []

    def keep_key_changes(self, origin: str, notes: list[bytes]) -> None:
        """Believe these from now on, durably."""
        write_atomically(self._changes(origin), write_key_changes(notes), mode=0o600)

    def _changes(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hex()[:16]}.key-changes"

    def was_ahead(self, origin: str, place: str) -> int:
        """The size that a place showed before the log did; 0 where none is pending."""
        row = self._file.row("was_ahead", {"origin": origin, "place": place})
        return int(row[0]) if row else 0

    def note_ahead(self, origin: str, place: str, size: int) -> None:
        """A place shows more than the log."""
        with self._file.transaction():
            self._file.run("note_ahead", {"origin": origin, "place": place, "size": size})

    def not_ahead(self, origin: str, place: str) -> None:
        """The log shows it as well now."""
        with self._file.transaction():
            self._file.run("not_ahead", {"origin": origin, "place": place})

    def keep_alarm(self, origin: str, at: int, place: str, what: str, ours: bytes, theirs: bytes) -> bool:
        """Keep an alarm, each pair of notes once; false where it is known."""
        values = {"origin": origin, "at": at, "place": place, "what": what, "ours": ours, "theirs": theirs}
        values["fingerprint"] = sha256(b"\0".join((what.encode(), place.encode(), ours, theirs)))
        with self._file.transaction():
            return self._file.run("keep_alarm", values) == 1

    def alarms(self, origin: str) -> list[Alarm]:
        """All alarms of a log, oldest first."""
        return [Alarm(*row) for row in self._file.rows("alarms", {"origin": origin})]
