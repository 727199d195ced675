"""The SQL of approvals."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from tallystick.authority.oversight.approvals.values import Person, Request, State
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries("tallystick.authority.oversight.approvals")


def add(
    conn: Connection,
    deed: str,
    thing: str,
    content: Mapping[str, str],
    reason: str,
    by: Person,
    at: datetime,
    expires_at: datetime,
) -> int | None:
    """Keep a request; its number, or none where one for the same thing is open."""
    row = _SQL.row(
        conn,
        "add",
        deed=deed,
        object=thing,
        content=json.dumps(dict(content)),
        reason=reason,
        asked_by=by.username,
        asked_from=by.came_from,
        asked_as=by.role,
        asked_at=at,
        expires_at=expires_at,
    )
    return int(row[0]) if row else None


def expire(conn: Connection, at: datetime) -> int:
    """Close requests that found no second person in time."""
    return _SQL.run(conn, "expire", at=at)


def lock(conn: Connection, request_id: int) -> Request | None:
    """One, held until the transaction ends."""
    row = _SQL.row(conn, "lock", request_id=request_id)
    return _request(row) if row else None


def request(conn: Connection, request_id: int) -> Request | None:
    """One, as it stands."""
    row = _SQL.row(conn, "request", request_id=request_id)
    return _request(row) if row else None


def lock_approved(conn: Connection, deeds: Collection[str]) -> Request | None:
    """The oldest approved one of these deeds that nobody else holds."""
    row = _SQL.row(conn, "lock_approved", deeds=list(deeds))
    return _request(row) if row else None


def is_any_approved(conn: Connection, deeds: Collection[str]) -> bool:
    """Whether one of these deeds is approved and not done."""
    return bool(_SQL.value(conn, "is_any_approved", deeds=list(deeds)))


def decide(conn: Connection, request_id: int, state: State, by: Person, at: datetime) -> None:
    """Write the decision."""
    _SQL.run(
        conn,
        "decide",
        request_id=request_id,
        state=state.value,
        by=by.username,
        came_from=by.came_from,
        role=by.role,
        at=at,
    )


def finish(conn: Connection, request_id: int, at: datetime) -> None:
    """The deed is done."""
    _SQL.run(conn, "finish", request_id=request_id, at=at)


def newest(conn: Connection, deeds: Collection[str] | None, limit: int) -> list[Request]:
    """Requests of these deeds, or of all: those that wait first, then the newest."""
    wanted = None if deeds is None else list(deeds)
    return [_request(row) for row in _SQL.rows(conn, "newest", deeds=wanted, limit=limit)]


def _request(row: Row) -> Request:
    number, deed, thing, content, reason, asked_by, asked_from, asked_at, expires_at, state, by, at, done, role = row
    return Request(
        request_id=number,
        deed=deed,
        object=thing,
        content=json.loads(content),
        reason=reason,
        asked_by=asked_by,
        asked_from=asked_from,
        asked_at=asked_at,
        expires_at=expires_at,
        state=State(state),
        decided_by=by,
        decided_at=at,
        done_at=done,
        decided_as=role,
    )
