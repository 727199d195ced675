"""The SQL of the activity log."""

from __future__ import annotations

from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries("tallystick.authority.oversight.activity")


def hold_head(conn: Connection, genesis: bytes) -> tuple[int, bytes]:
    """Number and link of the newest entry, held until the transaction ends; the first caller begins the chain."""
    row = _SQL.row(conn, "hold_head")
    if row is None:
        _SQL.run(conn, "begin", genesis=genesis)
        row = _SQL.row(conn, "hold_head")
        assert row is not None, "the head was made just now"
    return row[0], row[1]


def add(conn: Connection, seq: int, act: Act, body: bytes, link: bytes) -> None:
    """Write an entry and move the head to it."""
    _SQL.run(
        conn,
        "add",
        seq=seq,
        at=act.at,
        actor=act.actor,
        verb=act.verb,
        object=act.object,
        for_whom=act.for_whom,
        body=body,
        link=link,
    )
    _SQL.run(conn, "move_head", seq=seq, link=link)


def head(conn: Connection) -> tuple[int, bytes] | None:
    """Number and link of the newest entry; none before the first act."""
    row = _SQL.row(conn, "head")
    return (row[0], row[1]) if row else None


def following(conn: Connection, after: int, limit: int) -> list[Row]:
    """Entries behind a number, in order: number, columns, body, link."""
    return _SQL.rows(conn, "following", after=after, limit=limit)


def newest(
    conn: Connection, *, actor: str, verb: str, thing: str, for_whom: str, before: int, limit: int
) -> list[tuple[int, bytes]]:
    """Number and body of entries that fit, newest first; an empty text asks for all."""
    found = _SQL.rows(
        conn, "newest", actor=actor, verb=verb, object=thing, for_whom=for_whom, before=before, limit=limit
    )
    return [(row[0], row[1]) for row in found]
