"""A disk that remembers: every write, truncation and flush of SQLite, so that any power cut can be played back.

After a cut a disk holds what was flushed, and of the rest nothing, all, some, or some with the last piece torn. Folder
operations count as durable at once. The connection speaks as much of the sqlite3 module as the E-SDC's store uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import apsw
import attrs

SECTOR_BYTES = 512


@attrs.frozen(slots=True)
class Operation:
    """One thing that reached the disk: ``write``, ``truncate``, ``flush``, ``create`` or ``delete`` of a file."""

    kind: str
    file: str
    offset: int = 0
    data: bytes = b""


class Journal:
    """All operations in order."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def note(self, operation: Operation) -> None:
        """Remember."""
        self.operations.append(operation)

    def image(self, cut: int, random: Random | None, mode: str) -> dict[str, bytes]:
        """What the files hold after a cut before operation `cut`; `mode` says what became of the unflushed rest."""
        done = self.operations[:cut]
        files: dict[str, bytearray] = {}
        for number, operation in enumerate(done):
            if operation.kind == "delete":
                files.pop(operation.file, None)
                continue
            content = files.setdefault(operation.file, bytearray())
            if operation.kind in ("write", "truncate") and self._survives(done, number, random, mode):
                _apply(content, operation, _torn(operation, random, mode, last=number == len(done) - 1))
        return {name: bytes(content) for name, content in files.items()}

    @staticmethod
    def _survives(done: list[Operation], number: int, random: Random | None, mode: str) -> bool:
        if mode == "all" or any(later.kind == "flush" and later.file == done[number].file for later in done[number:]):
            return True
        return mode in ("some", "torn") and random is not None and random.random() < 0.5


def _torn(operation: Operation, random: Random | None, mode: str, *, last: bool) -> int:
    """How many bytes of a write reached the disk."""
    if mode != "torn" or random is None or not last:
        return len(operation.data)
    return random.randrange(0, len(operation.data) + 1, SECTOR_BYTES) if operation.data else 0


def _apply(content: bytearray, operation: Operation, length: int) -> None:
    if operation.kind == "truncate":
        del content[operation.offset :]
        content.extend(bytes(max(operation.offset - len(content), 0)))
        return
    end = operation.offset + length
    content.extend(bytes(max(end - len(content), 0)))
    content[operation.offset : end] = operation.data[:length]


class ShadowVfs(apsw.VFS):
    """The system's files, with a journal beside them."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        super().__init__("shadow", base="")

    def xOpen(self, name: Any, flags: list[int]) -> ShadowFile:
        """Open a file and note its birth."""
        file = ShadowFile("", name, flags, self.journal)
        self.journal.note(Operation("create", file.short))
        return file

    def xDelete(self, name: str, sync: bool) -> None:
        """Delete a file; durable at once."""
        super().xDelete(name, sync)
        self.journal.note(Operation("delete", Path(name).name))


class ShadowFile(apsw.VFSFile):
    """A file whose changes are noted before they are made."""

    def __init__(self, base: str, name: Any, flags: list[int], journal: Journal) -> None:
        self._journal = journal
        self.short = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        super().__init__(base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        """Write."""
        self._journal.note(Operation("write", self.short, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        """Cut or grow."""
        self._journal.note(Operation("truncate", self.short, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        """Flush; the real flush is left out, since the journal says what survives."""
        self._journal.note(Operation("flush", self.short))


class ShadowConnection:
    """An apsw connection that answers like one of sqlite3."""

    def __init__(self, path: Path, vfs: ShadowVfs) -> None:
        self._vfs = vfs  # must live as long as the connection
        self._connection = apsw.Connection(str(path), vfs="shadow")
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")

    def execute(self, sql: str, values: Mapping[str, object] | None = None) -> _Cursor:
        """Run a statement."""
        rows = self._connection.execute(sql, dict(values) if values else None).fetchall()
        return _Cursor(rows, self._connection.last_insert_rowid())

    def executescript(self, sql: str) -> None:
        """Run several statements."""
        self._connection.execute(sql)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def close(self) -> None:
        """Close."""
        self._connection.close()


@attrs.frozen(slots=True)
class _Cursor:
    rows: list[Any]
    lastrowid: int

    def fetchall(self) -> list[Any]:
        """All rows."""
        return self.rows

    def fetchone(self) -> Any:
        """The first row, or none."""
        return self.rows[0] if self.rows else None
