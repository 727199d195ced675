"""What a person may do with the queue: send dead letters again."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.taxservice import store
from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.authority.projections.taxservice.tally import Tally
from tallystick.authority.projections.taxservice.values import State
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.reasons import read_reason

RESENT_AT_ONCE = 5_000
"""Of one deed; whoever has more dead letters than that says it again."""


def resend(
    conn: Connection,
    by: Person,
    reason: str,
    at: datetime,
    zone: ZoneInfo,
    *,
    log_index: int | None = None,
    kind: DocumentKind | None = None,
) -> int:
    """Send one dead letter again, or those of a type, the oldest first; how many. An act with the reason.

    Each begins anew with all its tries, under the key that it always had. Raises ``TS-4003`` where there is none, and
    ``TS-1220`` for a reason that is none. The caller's transaction acts for somebody (`store.acting`).
    """
    if (log_index is None) == (kind is None):
        raise Fault("TS-1220", detail="name one entry, or a type")
    words = read_reason(reason)
    found = store.resend(conn, at, log_index=log_index, kind=kind, limit=RESENT_AT_ONCE)
    if not found:
        raise Fault("TS-4003", detail="no dead letter of that entry or type")
    figures = Tally(zone, at)
    for _, moved, _ in found:
        figures.moved(moved.document_type, moved.booked_at, moved.before, State.RESENT)
    figures.put(conn)
    what = f"type {kind}" if kind is not None else f"entry {log_index}"
    facts = {"count": str(len(found)), "entries": f"{found[0][0]}-{found[-1][0]}"}
    tins = {tin for _, _, tin in found}
    act = Act(
        at=at,
        actor=by.actor,
        verb="taxservice.resend",
        object=what,
        for_whom=tins.pop() if len(tins) == 1 else "",
        purpose=words,
        facts=facts,
    )
    activity.record(conn, act)
    return len(found)


def note_read(conn: Connection, actor: str, at: datetime) -> None:
    """Somebody (``kind:name``) has read dead letters: they name taxpayers, so that he looked is logged."""
    activity.record(conn, Act(at=at, actor=actor, verb="taxservice.read", object="dead letters"))
