"""What may be asked of this channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.sdc import store
from tallystick.authority.channels.sdc.store import SdcOverview
from tallystick.authority.reference.room_queries import Connection

ONLINE_FOR = timedelta(minutes=15)
"""A device says every few minutes that it is online; after this silence it no longer counts."""


def overview(conn: Connection, now: datetime) -> SdcOverview:
    """Live tokens and devices, for the operator's page."""
    return store.overview(conn, now, now - ONLINE_FOR)
