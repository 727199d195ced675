"""What may be done to the activity log: one thing, in the transaction of the deed itself."""

from __future__ import annotations

from contextlib import nullcontext

from tallystick.authority.oversight.activity import store
from tallystick.authority.oversight.activity.values import Act, write_act
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import activity_genesis, activity_link


def record(conn: Connection, act: Act) -> int:
    """Write an act behind the newest one; returns its number. The caller's transaction carries it, or nothing.

    Writers take turns until their transactions end: record last, just before the commit.
    """
    body = write_act(act)
    # Who commits each statement by itself would let two acts take one number.
    with conn.transaction() if conn.autocommit else nullcontext():
        seq, link = store.hold_head(conn, activity_genesis())
        seq += 1
        link = activity_link(link, seq, body)
        store.add(conn, seq, act, body, link)
    return seq
