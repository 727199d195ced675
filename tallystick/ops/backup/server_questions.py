"""The few questions to the server that a backup asks; its SQL stands in `queries.sql`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.kit.named_sql import load_queries

Connection = psycopg.Connection[Any]
_SQL = load_queries("tallystick.ops.backup")


@attrs.frozen(slots=True)
class Server:
    """Which cluster it is: PostgreSQL's own identifier, its timeline, its version."""

    system: str
    timeline: int
    version: str


def server(conn: Connection) -> Server:
    """Which cluster this is."""
    return Server(*_one(conn, "server"))


def ensure_slot(conn: Connection, slot: str) -> bool:
    """A replication slot that keeps the log from now on until it is fetched; True when it is new."""
    if conn.execute(_SQL["slot"], {"slot": slot}).fetchone():
        return False
    conn.execute(_SQL["make_slot"], {"slot": slot})
    return True


def drop_slot(conn: Connection, slot: str) -> bool:
    """Keep the log for nobody any more; False when there was no such slot."""
    return conn.execute(_SQL["drop_slot"], {"slot": slot}).fetchone() is not None


def flushed(conn: Connection) -> str:
    """Up to where the log is on the disk."""
    return str(_one(conn, "flushed")[0])


def recovering(conn: Connection) -> bool:
    """Whether the server still reads the log of a backup."""
    return bool(_one(conn, "recovering")[0])


def replayed(conn: Connection) -> tuple[str, datetime | None]:
    """The segment of the log in which a recovery ended, and the time of the last transaction that it brought back."""
    name, moment = _one(conn, "replayed")
    return str(name or ""), moment


def _one(conn: Connection, query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = conn.execute(_SQL[query]).fetchone()
    assert row is not None, f"{query} always gives a row"
    return row
