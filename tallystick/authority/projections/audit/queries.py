"""What may be asked of the audit room."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.projections.audit import override_store, standing, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.override_store import Override, OverrideState
from tallystick.authority.projections.audit.standing import Standing
from tallystick.authority.projections.audit.values import (
    AuditOverview,
    MissingOrdinals,
    OpenAudit,
    Ranges,
    RequestState,
)
from tallystick.authority.room_queries import Connection
from tallystick.kernel.fixed_point import Money


@attrs.frozen(slots=True)
class CardAudit:
    """Where the newest audit request of a card stands; ``missing`` is of the last look."""

    state: RequestState
    code: str
    missing: Ranges
    received_at: datetime


def overview(conn: Connection, now: datetime) -> AuditOverview:
    """Cycles, requests, proofs and overrides in figures."""
    return store.overview(conn, now)


def missing_by_card(conn: Connection, limit: int = 100) -> list[MissingOrdinals]:
    """Cards whose proof waits for documents, the longest waiting first (K-13)."""
    return store.missing_by_card(conn, limit)


def card(conn: Connection, uid: str) -> CardAudit | None:
    """The newest request of a card."""
    found = store.state_of_card(conn, uid)
    return CardAudit(*found) if found else None


def audited_up_to(conn: Connection, uid: str) -> int:
    """Up to which ordinal proofs that the card has executed reach; 0 for none."""
    return store.audited_up_to(conn, uid)


def open_audits(conn: Connection, limit: int = 100) -> list[OpenAudit]:
    """Audits that are not at their end, those that call for an officer first."""
    return store.open_audits(conn, limit)


def overrides(conn: Connection, apart: KeptApart, limit: int = 50) -> list[Standing]:
    """Overrides, those that wait for a second officer first; approved ones with what has come since."""
    return [_standing(conn, apart, one) for one in override_store.newest(conn, limit)]


def _standing(conn: Connection, apart: KeptApart, override: Override) -> Standing:
    if override.state is OverrideState.APPROVED:
        return standing.stand(conn, apart, override)
    return Standing(override, override.excused, Money(0))
