"""Background work of this channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.vsdc import store
from tallystick.authority.room_queries import Connection

_KEPT_FOR = timedelta(days=30)


def forget_requests(conn: Connection, now: datetime) -> int:
    """Forget request ids that were used more than 30 days ago; returns how many. The invoices stay."""
    return store.forget_requests(conn, now - _KEPT_FOR)
