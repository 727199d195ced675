"""What retention does: say what has had its time, and remove it piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.projections.retention import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.retention import RetainedKind, RetentionRules

REMOVE = "retention.remove"
PIECE_ROWS = 1_000
PIECES_MOST = 100
"""Of one kind in one round; the rest goes with the next ones."""


@attrs.frozen(slots=True)
class Due:
    """What of a kind is older than its months: how many may go, and how many something still needs."""

    kind: RetainedKind
    months: int
    before: datetime
    free: int
    held: int


def due(conn: Connection, rules: RetentionRules, now: datetime) -> Iterator[Due]:
    """Every kind as it stands; changes nothing."""
    for kind in RetainedKind:
        before = rules.before(kind, now)
        yield Due(kind, rules.months[kind], before, *store.count(conn, kind, before))


def carry_out(
    conn: Connection, rules: RetentionRules, actor: str, now: datetime, *, piece_rows: int = PIECE_ROWS
) -> dict[RetainedKind, int]:
    """Remove what has had its time, and say so in the activity log; how many of each kind went.

    A piece, its act and nothing else are one transaction: whatever interrupts the work, what went is told.
    """
    removed = dict.fromkeys(RetainedKind, 0)
    for kind in RetainedKind:
        for _ in range(PIECES_MOST):
            count = _remove_piece(conn, kind, rules, actor, now, piece_rows)
            conn.commit()
            removed[kind] += count
            if count < piece_rows:
                break
    return {kind: count for kind, count in removed.items() if count}


def _remove_piece(
    conn: Connection, kind: RetainedKind, rules: RetentionRules, actor: str, now: datetime, piece_rows: int
) -> int:
    before = rules.before(kind, now)
    count = store.remove(conn, kind, before, piece_rows)
    if count:
        facts = {"before": before.isoformat(timespec="seconds"), "count": str(count)}
        rule = f"{rules.months[kind]} months"
        activity.record(conn, Act(at=now, actor=actor, verb=REMOVE, object=kind, purpose=rule, facts=facts))
    return count
