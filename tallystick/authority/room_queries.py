"""Runs a room's named queries on a connection and gives plain tuples back, whatever row factory the caller set."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import tuple_row

from tallystick.kit.named_sql import load_queries

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]


class RoomQueries:
    """The queries of one room, by name; parameters are given by name as well."""

    def __init__(self, package: str) -> None:
        self._queries = load_queries(package)

    def rows(self, conn: Connection, name: str, /, **parameters: object) -> list[Row]:
        """All rows."""
        with conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._queries[name], parameters).fetchall()

    def rows_in_binary(self, conn: Connection, name: str, /, **parameters: object) -> list[Row]:
        """All rows, for queries that give many bytes: as text a ``bytea`` is twice as long, and each byte is spelt."""
        with conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._queries[name], parameters, binary=True).fetchall()

    def row(self, conn: Connection, name: str, /, **parameters: object) -> Row | None:
        """The first row, or none."""
        with conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._queries[name], parameters).fetchone()

    def value(self, conn: Connection, name: str, /, **parameters: object) -> Any:
        """The first column of a row that must be there."""
        row = self.row(conn, name, **parameters)
        assert row is not None, f"{name} gave no row"
        return row[0]

    def run(self, conn: Connection, name: str, /, **parameters: object) -> int:
        """How many rows were written."""
        with conn.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(self._queries[name], parameters).rowcount
