"""What officers do to the audit room: ask for an override, approve or refuse it (S2-104). The caller's transaction.

Four eyes: one officer asks, another one approves within 24 hours; nobody approves what he asked for, under whatever
name he came in, and until somebody has approved nothing is proven (``TS-3105``).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.audit import holdings, override_store, standing, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.override_store import Override, OverrideState
from tallystick.authority.projections.audit.values import AuditRequest, RequestState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.reasons import read_reason

log = logging.getLogger(__name__)

LIFETIME = timedelta(hours=LIMITS.override_lifetime_hours)
_OPEN = (RequestState.INCOMPLETE, RequestState.CONTRADICTS)


def ask(conn: Connection, apart: KeptApart, by: Person, uid: str, reason: str, at: datetime) -> int:
    """Ask that a card be released although documents are missing or its sum contradicts; returns the request's number.

    What lacks now is what is excused; what the card counts above its documents is what they are presumed to have.
    Raises ``TS-1220`` (reason), ``TS-4003`` (no audit of this card), ``TS-4007`` (its audit waits for nothing that an
    officer could give), ``TS-4004`` (a request is open already), ``TS-3104`` (more holes than an officer can look at).
    """
    words = read_reason(reason)
    store.lock_card(conn, uid)
    override_store.expire(conn, at)
    audit = override_store.newest_request(conn, uid)
    if audit is None:
        raise Fault("TS-4003", detail="this card has not asked for a proof of audit")
    if audit.state not in _OPEN:
        raise Fault("TS-4007", detail="the audit of this card waits for no officer now")
    if override_store.pending(conn, uid) is not None:
        raise Fault("TS-4004", detail="an override of this card waits for its second officer")
    number = _keep(conn, apart, audit.request, by, words, at)
    log.warning("an officer asks for an override", extra={"uid": uid, "override": number, "officer": by.username})
    _record(conn, "override.ask", by, number, uid, words, at)
    return number


def _keep(conn: Connection, apart: KeptApart, request: AuditRequest, by: Person, reason: str, at: datetime) -> int:
    lacking = holdings.missing(conn, apart, request.uid, request.total_counter)
    if len(lacking) > LIMITS.override_ranges:
        raise Fault("TS-3104", detail=f"more than {LIMITS.override_ranges} holes: too many to be excused by hand")
    known = holdings.turnover(conn, apart, request) + standing.outstanding(conn, apart, request)
    presumed = request.unaudited - known
    if not lacking and presumed == Money(0):
        raise Fault("TS-4007", detail="everything has arrived meanwhile, and the sums agree")
    return override_store.add(
        conn,
        request,
        excused=lacking,
        presumed=presumed,
        reason=reason,
        asked_by=by.username,
        asked_from=by.came_from,
        asked_at=at,
        expires_at=at + LIFETIME,
    )


def approve(conn: Connection, override_id: int, by: Person, at: datetime) -> None:
    """The second officer agrees; the worker decides anew about the card at its next round.

    Raises ``TS-4003`` (unknown), ``TS-4007`` (decided already), ``TS-3105`` (24 hours have passed without a second
    officer), ``TS-4005`` (asked for by the same officer, under whatever of
    his names).
    """
    found = _pending(conn, override_id)
    if at >= found.expires_at:
        raise Fault("TS-3105", detail="no second officer agreed within 24 hours; ask anew")
    _must_be_another(found, by)
    override_store.decide(conn, override_id, OverrideState.APPROVED, by.username, by.came_from, at)
    facts = {"uid": found.uid, "override": override_id, "officer": by.username, "asked_by": found.asked_by}
    log.warning("a second officer approved an override", extra=facts)
    _record(conn, "override.approve", by, override_id, found.uid, found.reason, at)


def _must_be_another(found: Override, by: Person) -> None:
    if by.is_same_as(found.asked_by, found.asked_from):
        raise Fault("TS-4005", detail="another officer must approve")


def refuse(conn: Connection, override_id: int, by: Person, at: datetime) -> None:
    """An officer refuses, or takes his own request back; raises ``TS-4003`` and ``TS-4007``."""
    found = _pending(conn, override_id)
    override_store.decide(conn, override_id, OverrideState.REFUSED, by.username, by.came_from, at)
    log.warning("an override was refused", extra={"uid": found.uid, "override": override_id, "officer": by.username})
    _record(conn, "override.refuse", by, override_id, found.uid, found.reason, at)


def _record(conn: Connection, verb: str, by: Person, number: int, uid: str, reason: str, at: datetime) -> None:
    facts = {"from": by.came_from, "override": str(number)}
    activity.record(conn, Act(at=at, actor=by.actor, verb=verb, object=uid, purpose=reason, facts=facts))


def _pending(conn: Connection, override_id: int) -> Override:
    found = override_store.lock(conn, override_id)
    if found is None:
        raise Fault("TS-4003", detail="no such override")
    if found.state is OverrideState.EXPIRED:
        raise Fault("TS-3105", detail="no second officer agreed within 24 hours; ask anew")
    if found.state is not OverrideState.PENDING:
        raise Fault("TS-4007", detail="somebody has decided already")
    return found


def agreed(conn: Connection, at: datetime) -> int:
    """The worker's part: let requests expire, and have cards with a new approval looked at now; returns how many."""
    override_store.expire(conn, at)
    return override_store.take_approved(conn, at)
