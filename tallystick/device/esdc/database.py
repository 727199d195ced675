"""One SQLite file, written by one thread, that loses nothing it has committed (S2-090).

WAL with `synchronous=FULL` flushes at each commit; a file whose last writer did not stop cleanly is checked whole
before it is used. A failed write is never tried again: only a new start, with its recovery, opens the file anew.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tallystick.kit.atomic_file import sync_folder
from tallystick.kit.named_sql import load_queries

FORMAT = 1
_PACKAGE = "tallystick.device.esdc"
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA busy_timeout = 5000",
    # A sale writes some 14 pages: a checkpoint at every 200, as often as each 14th sale, would show in their 95th
    # percentile; at 1000 it is each 70th, and the log stays under 5 MB.
    "PRAGMA wal_autocheckpoint = 1000",
)

Row = tuple[Any, ...]
Values = Mapping[str, object]


class StoreBroken(Exception):
    """The store's file cannot be trusted or written any more: stop, start anew, recover."""


class StoreTaken(Exception):
    """Another process works with this store."""


class Database:
    """Connection, named queries, transactions. Opened and used by one thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises `StoreTaken` or `StoreBroken`."""
        self.path = path
        _make_folder(path.parent)
        self._lock = _take_lock(path.with_suffix(".lock"))
        self._queries = load_queries(_PACKAGE, driver="sqlite")
        self._broken = False
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in _PRAGMAS:
                self._connection.execute(pragma).fetchall()
            (self._page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
            if self._connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._create()
        except sqlite3.DatabaseError as error:
            os.close(self._lock)
            raise StoreBroken(f"cannot open {path.name}: {error}") from error

    def _create(self) -> None:
        """A new file, or one whose making was interrupted: tables and version come in one transaction."""
        self.path.chmod(0o600)
        schema = files(_PACKAGE).joinpath("schema.sql").read_text(encoding="utf-8")
        self._connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA user_version = {FORMAT};\nCOMMIT;")
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Close the file; the lock goes last."""
        self._connection.close()
        os.close(self._lock)

    def check(self) -> None:
        """Read the whole file; raises `StoreBroken` when SQLite finds damage."""
        try:
            found = self._connection.execute("PRAGMA integrity_check(3)").fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreBroken(str(error)) from error
        if found != [("ok",)]:
            raise StoreBroken(f"{self.path.name} is damaged: {found[0][0]}")

    def distrust(self) -> None:
        """Write nothing more; the next start reads the whole file."""
        self._broken = True

    def run(self, name: str, values: Values = {}) -> int:  # noqa: B006 - never written
        """Run a named statement; gives the row id of an insert."""
        return self._connection.execute(self._queries[name], values).lastrowid or 0

    def rows(self, name: str, values: Values = {}) -> list[Row]:  # noqa: B006 - never written
        """All rows of a named query."""
        try:
            return self._connection.execute(self._queries[name], values).fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreBroken(str(error)) from error

    def row(self, name: str, values: Values = {}) -> Row | None:  # noqa: B006 - never written
        """The first row of a named query."""
        rows = self.rows(name, values)
        return rows[0] if rows else None

    def used_bytes(self) -> int:
        """Bytes that hold something; pages set free by deletions do not count."""
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (unused,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        return int((pages - unused) * self._page_bytes)

    def __enter__(self) -> Self:
        """Begin a transaction."""
        if self._broken:
            raise StoreBroken("the store failed before; it needs a new start")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise self._break(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit, durably, or roll back; raises `StoreBroken` when SQLite or the disk refused."""
        if error is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as refused:
                raise self._break(refused) from refused
        elif isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            raise self._break(error) from error
        else:
            self._connection.execute("ROLLBACK")

    def _break(self, error: sqlite3.DatabaseError) -> StoreBroken:
        self._broken = True
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.DatabaseError:
                pass
        return StoreBroken(str(error))


def _make_folder(folder: Path) -> None:
    if folder.exists():
        return
    folder.mkdir(parents=True, mode=0o700)
    sync_folder(folder)
    sync_folder(folder.parent)


def _take_lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise StoreTaken(f"{path.name} is held by another process") from None
    return handle


def find_damage(path: Path) -> str:
    """Read a whole store beside whoever works with it; what is wrong, or nothing. For a thread of its own."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)
        try:
            connection.execute("PRAGMA query_only = ON")
            found = connection.execute("PRAGMA quick_check(3)").fetchall()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == [("ok",)] else str(found[0][0])
