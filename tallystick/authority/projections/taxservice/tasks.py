"""Background work of the queue: follow the ledger, and send."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from tallystick.authority.projections.taxservice import tally
from tallystick.authority.projections.taxservice.fold import SPAN_ENTRIES, fold
from tallystick.authority.projections.taxservice.sending import Sender
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import Clock

_SPANS_MOST = 20
_ROUND = timedelta(seconds=5)


def follow(conn: Connection, zone: ZoneInfo, clock: Clock) -> int:
    """Take new documents in, span by span, each in a transaction of its own; how many entries were looked at."""
    entries = 0
    for _ in range(_SPANS_MOST):
        folded = fold(conn, zone, clock())
        conn.commit()
        entries += folded
        if folded < SPAN_ENTRIES:
            break
    if entries:
        tally.drop_minutes(conn, clock())
        conn.commit()
    return entries


def deliver(conn: Connection, sender: Sender) -> int:
    """Send what is due, for some seconds at most; how many documents were answered or had trouble."""
    return sender.round(conn, _ROUND)
