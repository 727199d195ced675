"""The SQL of the activity log."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tallystick.authority.oversight.activity.values import Act, Anchor
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
    conn: Connection,
    *,
    actor: str,
    verb: str,
    verbs: Collection[str] | None,
    thing: str,
    for_whom: str,
    before: int,
    limit: int,
) -> list[tuple[int, bytes]]:
    """Number and body of entries that fit, newest first; an empty text asks for all."""
    found = _SQL.rows(
        conn,
        "newest",
        actor=actor,
        verb=verb,
        verbs=None if verbs is None else sorted(verbs),
        object=thing,
        for_whom=for_whom,
        before=before,
        limit=limit,
    )
    return [(row[0], row[1]) for row in found]


def newest_anchor(conn: Connection) -> Anchor | None:
    """The newest head that was set down for the ledger."""
    row = _SQL.row(conn, "newest_anchor")
    return Anchor(*row) if row else None


def add_anchor(conn: Connection, seq: int, link: bytes, at: datetime) -> None:
    """Set a head down; one that is there already stays."""
    _SQL.run(conn, "add_anchor", seq=seq, link=link, at=at)


def unpublished_anchors(conn: Connection, limit: int) -> list[Anchor]:
    """Heads without an entry in the ledger, oldest first."""
    return [Anchor(*row) for row in _SQL.rows(conn, "unpublished_anchors", limit=limit)]


def note_anchor(conn: Connection, seq: int, entry_index: int) -> int:
    """Note where a head stands in the ledger."""
    return _SQL.run(conn, "note_anchor", seq=seq, entry_index=entry_index)


def anchors_following(conn: Connection, after: int, limit: int) -> list[Anchor]:
    """Heads behind a number, in order."""
    return [Anchor(*row) for row in _SQL.rows(conn, "anchors_following", after=after, limit=limit)]
