"""Background work of this channel."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.channels.erp import store
from tallystick.authority.channels.erp.keys import IN_DOUBT, KEPT
from tallystick.authority.room_queries import Connection


def forget_keys(conn: Connection, now: datetime) -> int:
    """Remove keys of acts that have had their time; how many."""
    return store.drop_keys(conn, now - KEPT, now - IN_DOUBT)
