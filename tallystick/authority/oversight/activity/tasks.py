"""Background work of the activity log: its head is entered in the ledger, hourly while something happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import queries, store
from tallystick.authority.oversight.activity.values import Anchor
from tallystick.authority.room_queries import Connection

ACTIVITY_HEAD_MEDIA_TYPE = "application/vnd.tallystick.activity-head+json"
ANCHOR_EVERY = timedelta(hours=1)
_BATCH = 64


def anchor(conn: Connection, append: Callable[[Anchor], int], at: datetime) -> int:
    """Set the head down when it has moved and the last one is an hour old, then publish; returns how many.

    ``append`` gives the index of the entry and must answer the same body with the same index.
    """
    seq, link = queries.head(conn)
    last = store.newest_anchor(conn)
    if seq and (last is None or (seq > last.seq and at - last.at >= ANCHOR_EVERY)):
        store.add_anchor(conn, seq, link, at)
    conn.commit()
    published = 0
    for waiting in store.unpublished_anchors(conn, _BATCH):
        published += store.note_anchor(conn, waiting.seq, append(waiting))
        conn.commit()
    return published
