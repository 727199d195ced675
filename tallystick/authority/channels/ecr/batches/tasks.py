"""Background work of this room beside the booking itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.room_queries import Connection

FORGOTTEN_AFTER = timedelta(days=30)
"""An announced batch that nobody closes: its device still has all of it, and announces another one."""


def tidy_up(conn: Connection, now: datetime) -> int:
    """Forget batches that were announced long ago and never closed; how many."""
    return store.let_old_go(conn, now - FORGOTTEN_AFTER)
