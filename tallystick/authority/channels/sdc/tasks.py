"""Background work of this channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.sdc import store
from tallystick.authority.room_queries import Connection

_KEPT_FOR = timedelta(days=1)


def remove_expired_tokens(conn: Connection, now: datetime) -> int:
    """Delete tokens that expired more than a day ago; returns how many."""
    return store.remove_expired_tokens(conn, now - _KEPT_FOR)
