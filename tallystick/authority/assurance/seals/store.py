"""The SQL of the seals."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries

_SQL = RoomQueries("tallystick.authority.assurance.seals")


@attrs.frozen(slots=True)
class Sealed:
    """The newest revision of a day."""

    day: int
    revision: int
    last_seq: int
    seal_hash: bytes
    made_for: int


@attrs.frozen(slots=True)
class Unpublished:
    """A seal without an entry in the ledger."""

    number: int
    body: bytes
    made_at: datetime


def lock(conn: Connection) -> None:
    """Let nobody else seal until the transaction ends: the seals are a chain."""
    _SQL.row(conn, "lock")


def newest_revisions(conn: Connection) -> dict[int, Sealed]:
    """What is sealed, by day."""
    return {row[0]: Sealed(*row) for row in _SQL.rows(conn, "newest_revisions")}


def newest(conn: Connection) -> tuple[int, bytes]:
    """Number and hash of the seal that was made last; 0 and nothing before the first."""
    row = _SQL.row(conn, "newest")
    return (row[0], row[1]) if row else (0, b"")


def add(
    conn: Connection,
    *,
    number: int,
    day: int,
    revision: int,
    last_seq: int,
    body: bytes,
    seal_hash: bytes,
    made_at: datetime,
    made_for: int,
) -> None:
    """Keep a seal."""
    _SQL.run(
        conn,
        "add",
        number=number,
        day=day,
        revision=revision,
        last_seq=last_seq,
        body=body,
        seal_hash=seal_hash,
        made_at=made_at,
        made_for=made_for,
    )


def unpublished(conn: Connection) -> list[Unpublished]:
    """Seals that are not in the ledger yet, in their order."""
    return [Unpublished(*row) for row in _SQL.rows(conn, "unpublished")]


def number_entry(conn: Connection, number: int, entry_index: int) -> None:
    """Note the ledger's entry."""
    _SQL.run(conn, "number_entry", number=number, entry_index=entry_index)


def of_day(conn: Connection, day: int, limit: int) -> list[tuple[int, bytes, int]]:
    """Revision, body and entry of the published seals of a day, newest first."""
    return [(row[0], row[1], row[2]) for row in _SQL.rows(conn, "of_day", day=day, limit=limit)]
