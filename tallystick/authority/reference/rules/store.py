"""The only SQL of the adopted rules."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.rules.values import Adoption
from tallystick.authority.room_queries import Connection, RoomQueries

_SQL = RoomQueries("tallystick.authority.reference.rules")


def take_turns(conn: Connection, subject: str) -> None:
    """One transaction at a time adopts a subject's rule."""
    _SQL.run(conn, "take_turns", subject=subject)


def newest(conn: Connection, subject: str) -> Adoption | None:
    """The rule in force."""
    row = _SQL.row(conn, "newest", subject=subject)
    return Adoption(*row) if row else None


def add(conn: Connection, subject: str, number: int, content: bytes, at: datetime) -> None:
    """Write an adoption."""
    _SQL.run(conn, "add", subject=subject, number=number, content=content, at=at)


def unpublished(conn: Connection, limit: int) -> list[tuple[Adoption, bytes]]:
    """Adoptions without an entry in the ledger, oldest first, each with the content before it (empty: none)."""
    return [(Adoption(*row[:5]), row[5] or b"") for row in _SQL.rows(conn, "unpublished", limit=limit)]


def note_index(conn: Connection, adoption: Adoption, entry_index: int) -> int:
    """Note where an adoption stands in the ledger."""
    return _SQL.run(conn, "note_index", subject=adoption.subject, number=adoption.number, entry_index=entry_index)


def history(conn: Connection, subject: str, limit: int) -> list[Adoption]:
    """Adoptions of a subject, newest first."""
    return [Adoption(*row) for row in _SQL.rows(conn, "history", subject=subject, limit=limit)]
