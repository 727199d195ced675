"""The SQL of overrides: officers' requests and decisions, and the audits that they are about."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from itertools import chain

import attrs

from tallystick.authority.projections.audit.store import read_request
from tallystick.authority.projections.audit.values import AuditRequest, Ranges, RequestState
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.fixed_point import Money

_SQL = RoomQueries("tallystick.authority.projections.audit")


class OverrideState(StrEnum):
    """Where an officer's request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


@attrs.frozen(slots=True, kw_only=True)
class Override:
    """One officer's request, and what another made of it."""

    override_id: int
    uid: str
    proven_counter: int
    total_counter: int
    excused: Ranges
    presumed: Money
    reason: str
    asked_by: str
    asked_from: str
    asked_at: datetime
    expires_at: datetime
    state: OverrideState
    decided_by: str | None
    decided_at: datetime | None

    def covers(self, request: AuditRequest) -> bool:
        """Whether it belongs to the audits after the same proof, from its own start on."""
        return (
            request.uid == self.uid
            and request.proven_counter == self.proven_counter
            and request.total_counter >= self.total_counter
        )


@attrs.frozen(slots=True)
class NewestAudit:
    """A card's newest request for proof of audit, and where it stands."""

    request: AuditRequest
    state: RequestState


def ranges(flat: list[int]) -> Ranges:
    """Pairs of a flat list."""
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def newest_request(conn: Connection, uid: str) -> NewestAudit | None:
    """The newest request of a card."""
    row = _SQL.row(conn, "newest_request", uid=uid)
    if row is None:
        return None
    return NewestAudit(read_request(row[:-1]), RequestState(row[-1]))


def add(
    conn: Connection,
    request: AuditRequest,
    *,
    excused: Ranges,
    presumed: Money,
    reason: str,
    asked_by: str,
    asked_from: str,
    asked_at: datetime,
    expires_at: datetime,
) -> int:
    """Keep a request; returns its number."""
    number = _SQL.value(
        conn,
        "add_override",
        uid=request.uid,
        request_id=request.request_id,
        proven_counter=request.proven_counter,
        total_counter=request.total_counter,
        excused=list(chain.from_iterable(excused)),
        presumed=presumed.scaled,
        reason=reason,
        asked_by=asked_by,
        asked_from=asked_from,
        asked_at=asked_at,
        expires_at=expires_at,
    )
    return int(number)


def expire(conn: Connection, at: datetime) -> int:
    """Close requests that found no second officer in time."""
    return _SQL.run(conn, "expire_overrides", at=at)


def lock(conn: Connection, override_id: int) -> Override | None:
    """One, held until the transaction ends."""
    row = _SQL.row(conn, "lock_override", override_id=override_id)
    return _override(row) if row else None


def decide(conn: Connection, override_id: int, state: OverrideState, by: str, came_from: str, at: datetime) -> None:
    """Write the decision; the first one stands."""
    _SQL.run(conn, "decide_override", override_id=override_id, state=state.value, by=by, came_from=came_from, at=at)


def take_approved(conn: Connection, at: datetime) -> int:
    """Have the open requests of cards with a new approval looked at now; returns how many overrides were new."""
    return len(_SQL.rows(conn, "take_approved", at=at))


def pending(conn: Connection, uid: str) -> Override | None:
    """The open request of a card."""
    row = _SQL.row(conn, "pending_override", uid=uid)
    return _override(row) if row else None


def approved(conn: Connection, uid: str) -> list[Override]:
    """What two officers agreed on for a card, oldest first."""
    return [_override(row) for row in _SQL.rows(conn, "approved_overrides", uid=uid)]


def newest(conn: Connection, limit: int) -> list[Override]:
    """Overrides in any state, those that wait for a second officer first, then the newest."""
    return [_override(row) for row in _SQL.rows(conn, "newest_overrides", limit=limit)]


def _override(row: Row) -> Override:
    (
        override_id,
        uid,
        proven_counter,
        total_counter,
        excused,
        presumed,
        reason,
        asked_by,
        asked_from,
        asked_at,
        expires_at,
        state,
        decided_by,
        decided_at,
    ) = row
    return Override(
        override_id=override_id,
        uid=uid,
        proven_counter=proven_counter,
        total_counter=total_counter,
        excused=ranges(excused),
        presumed=Money(presumed),
        reason=reason,
        asked_by=asked_by,
        asked_from=asked_from,
        asked_at=asked_at,
        expires_at=expires_at,
        state=OverrideState(state),
        decided_by=decided_by,
        decided_at=decided_at,
    )
