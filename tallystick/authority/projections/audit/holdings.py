"""What the authority holds of a card, from the ledger's heads and holes and the quarantine; nothing is scanned."""

from __future__ import annotations

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import standing, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.values import AuditFacts, AuditRequest, Ranges
from tallystick.authority.room_queries import Connection
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.ordinal_ranges import minus, without

RANGES_MOST = 10_000


def missing(conn: Connection, apart: KeptApart, uid: str, up_to: int) -> Ranges:
    """Ordinals from 1 that have neither a document nor a quarantine or evidence entry, nor an override (I-10)."""
    holes = ledger.missing_ordinals(conn, (uid, uid), up_to, RANGES_MOST)
    if not holes:
        return ()
    kept = apart.ordinals(conn, uid, holes[0][0], holes[-1][1])
    return minus(without(holes, kept), standing.excused(conn, uid))


def turnover(conn: Connection, apart: KeptApart, request: AuditRequest) -> Money:
    """What the documents that a request covers, and that are here, add to the card's unaudited sum."""
    return standing.turnover(conn, apart, request.uid, request.proven_counter + 1, request.total_counter)


def facts(conn: Connection, apart: KeptApart, request: AuditRequest) -> AuditFacts:
    """Everything that a decision about a request rests on."""
    uid, last = request.uid, request.total_counter
    first = request.proven_counter + 1
    newest = store.last_arrival(conn, uid, first, last)

    return AuditFacts(
        request,
        missing(conn, apart, uid, last),
        from_unix_ms(newest[1]) if newest and newest[1] is not None else None,
        newest is None or newest[0] < ledger.acked_size(conn),
        lambda: turnover(conn, apart, request),
        lambda: store.contradictions(conn, uid),
        standing.used(conn, apart, request),
    )
