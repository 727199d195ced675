"""One SQLite file that loses nothing it has committed: named queries, one transaction at a time, flushed at its end."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from tallystick.kit.atomic_file import sync_folder
from tallystick.kit.named_sql import load_queries

Row = tuple[Any, ...]
Values = Mapping[str, object]

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA busy_timeout = 5000",
)


class SqliteFile:
    """A file with the tables of ``package``'s schema file; may be used by several threads and several processes.

    ``upgrades`` names, for formats before ``version``, the file of statements that makes the next one of it. Opening
    raises ``sqlite3.DatabaseError`` for a file that is none, or of a format that no upgrade leads on from.
    """

    def __init__(
        self,
        path: Path,
        package: str,
        *,
        schema: str = "schema.sql",
        queries: str = "queries.sql",
        version: int = 1,
        upgrades: Mapping[int, str] = {},
    ) -> None:
        self._queries = load_queries(package, queries, "sqlite")
        self._turn = threading.RLock()
        _make_private(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._connection.execute(pragma).fetchall()
        with self.transaction():
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                self._execute_file(package, schema, version)
            while 0 < found < version and found in upgrades:
                self._execute_file(package, upgrades[found], found + 1)
                found += 1
            if found not in (0, version):
                raise sqlite3.DatabaseError(f"{path.name} has format {found}, this program writes {version}")
        sync_folder(path.parent)

    def _execute_file(self, package: str, name: str, version: int) -> None:
        for statement in _statements(files(package).joinpath(name).read_text(encoding="utf-8")):
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA user_version = {version:d}")

    def close(self) -> None:
        """Close the file."""
        with self._turn:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the write lock before anything is read; commit, durably, or undo all of it when the block raises."""
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def run(self, name: str, values: Values = {}) -> int:  # noqa: B006 - never written
        """Run a named statement; how many rows it wrote."""
        with self._turn:
            return self._connection.execute(self._queries[name], values).rowcount

    def rows(self, name: str, values: Values = {}) -> list[Row]:  # noqa: B006 - never written
        """All rows of a named query."""
        with self._turn:
            return self._connection.execute(self._queries[name], values).fetchall()

    def row(self, name: str, values: Values = {}) -> Row | None:  # noqa: B006 - never written
        """The first row of a named query."""
        rows = self.rows(name, values)
        return rows[0] if rows else None


def _make_private(path: Path) -> None:
    """A new file is its owner's alone before SQLite opens it: log and index beside it get the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _statements(text: str) -> Iterator[str]:
    """The statements of a schema file, triggers whole: a transaction of ours must not be ended by a script."""
    held = ""
    for line in text.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""
