"""What may be asked of the audit room."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.projections.audit import store
from tallystick.authority.projections.audit.values import AuditOverview, MissingOrdinals, Ranges, RequestState
from tallystick.authority.reference.room_queries import Connection


@attrs.frozen(slots=True)
class CardAudit:
    """Where the newest audit request of a card stands; ``missing`` is of the last look."""

    state: RequestState
    code: str
    missing: Ranges
    received_at: datetime


def overview(conn: Connection) -> AuditOverview:
    """Cycles, requests and proofs in figures."""
    return store.overview(conn)


def missing_by_card(conn: Connection, limit: int = 100) -> list[MissingOrdinals]:
    """Cards whose proof waits for documents, the longest waiting first (K-13)."""
    return store.missing_by_card(conn, limit)


def card(conn: Connection, uid: str) -> CardAudit | None:
    """The newest request of a card."""
    found = store.state_of_card(conn, uid)
    return CardAudit(*found) if found else None
