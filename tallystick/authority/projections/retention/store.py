"""The only SQL of retention; a kind's queries carry its name."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.retention import RetainedKind

_SQL = RoomQueries("tallystick.authority.projections.retention")


def count(conn: Connection, kind: RetainedKind, before: datetime) -> tuple[int, int]:
    """How many of a kind are older: those that may go, and those that something still needs."""
    row = _SQL.row(conn, f"count_{kind}", before=before)
    assert row is not None
    return int(row[0]), int(row[1])


def remove(conn: Connection, kind: RetainedKind, before: datetime, limit: int) -> int:
    """Remove the oldest that may go, at most so many; how many went."""
    return _SQL.run(conn, f"remove_{kind}", before=before, limit=limit)
