"""What may be asked about deeds that need a second person."""

from __future__ import annotations

from collections.abc import Collection

from tallystick.authority.oversight.approvals import store
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.room_queries import Connection


def is_any_approved(conn: Connection, deeds: Collection[str]) -> bool:
    """Whether a request of these deeds waits to be carried out."""
    return store.is_any_approved(conn, deeds)


def request(conn: Connection, request_id: int) -> Request | None:
    """One request, whatever became of it."""
    return store.request(conn, request_id)


def newest(conn: Connection, *, deeds: Collection[str] | None = None, limit: int = 100) -> list[Request]:
    """Requests of these deeds, or of all: those that wait for a second person first, then the newest."""
    return store.newest(conn, deeds, limit)
