"""Background work of the intake."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.intake import store
from tallystick.authority.room_queries import Connection

REFUSED_KEPT = timedelta(days=90)


def forget_refused(conn: Connection, now: datetime) -> int:
    """Remove refused packages after 90 days; how many."""
    return store.forget_refused(conn, now - REFUSED_KEPT)
