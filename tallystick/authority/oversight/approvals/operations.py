"""What may be done about deeds that need a second person: ask, approve, refuse, and take one that is approved.

Who carries a deed out calls ``take`` (or ``take_next``) in the transaction of the deed itself: what it gives back is
what was asked for, it is given once, and a rollback gives it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import store
from tallystick.authority.oversight.approvals.values import Person, Request, State
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.reasons import read_reason

LIFETIME = timedelta(hours=LIMITS.approval_lifetime_hours)


def ask(
    conn: Connection, deed: str, thing: str, content: Mapping[str, str], reason: str, by: Person, at: datetime
) -> int:
    """Ask for a deed (``room.deed``) on a thing; returns the request's number.

    Raises ``TS-1220`` (reason too short, too long or unprintable) and ``TS-4004`` (such a request is open already).
    """
    words = read_reason(reason)
    store.expire(conn, at)
    number = store.add(conn, deed, thing, content, words, by, at, at + LIFETIME)
    if number is None:
        raise Fault("TS-4004", detail="a request for the same is open already")
    _log(conn, "approvals.ask", by.actor, at, number, deed, thing, words)
    return number


def approve(conn: Connection, request_id: int, by: Person, at: datetime) -> Request:
    """The second person agrees.

    Raises ``TS-4003`` (unknown), ``TS-4007`` (decided already, or 24 hours have passed), ``TS-4005`` (asked for by the
    same person, under whatever of his names).
    """
    found = _pending(conn, request_id, at)
    if by.is_same_as(found.asked_by, found.asked_from):
        raise Fault("TS-4005", detail="another person must approve")
    store.decide(conn, request_id, State.APPROVED, by, at)
    _log(conn, "approvals.approve", by.actor, at, request_id, found.deed, found.object, found.reason)
    return found


def refuse(conn: Connection, request_id: int, by: Person, at: datetime) -> None:
    """Somebody refuses, or takes his own request back; raises ``TS-4003`` and ``TS-4007``."""
    found = _pending(conn, request_id, at)
    store.decide(conn, request_id, State.REFUSED, by, at)
    _log(conn, "approvals.refuse", by.actor, at, request_id, found.deed, found.object, found.reason)


def deed_of(conn: Connection, request_id: int) -> str:
    """Which deed a request is about; it is held until the transaction ends. Raises ``TS-4003``."""
    found = store.lock(conn, request_id)
    if found is None:
        raise Fault("TS-4003", detail="no such request")
    return found.deed


def take(conn: Connection, request_id: int, deed: str, at: datetime) -> Request:
    """Take an approved request to carry it out now, once.

    Raises ``TS-4003`` (unknown, or of another deed), ``TS-4004`` (nobody has approved yet), ``TS-4007`` (refused,
    expired or done already).
    """
    found = store.lock(conn, request_id)
    if found is None or found.deed != deed:
        raise Fault("TS-4003", detail="no such request")
    if found.state is State.PENDING:
        raise Fault("TS-4004", detail="a second person must approve first")
    if found.state is not State.APPROVED:
        raise Fault("TS-4007", detail=f"the request is {found.state}")
    return _taken(conn, found, at)


def take_next(conn: Connection, deeds: Collection[str], at: datetime) -> Request | None:
    """Take the oldest approved request of these deeds, for a worker; none where there is none."""
    found = store.lock_approved(conn, deeds)
    return None if found is None else _taken(conn, found, at)


def _taken(conn: Connection, found: Request, at: datetime) -> Request:
    store.finish(conn, found.request_id, at)
    _log(conn, "approvals.done", found.decider, at, found.request_id, found.deed, found.object, found.reason)
    return found


def _pending(conn: Connection, request_id: int, at: datetime) -> Request:
    found = store.lock(conn, request_id)
    if found is None:
        raise Fault("TS-4003", detail="no such request")
    if found.state is not State.PENDING or at >= found.expires_at:
        raise Fault("TS-4007", detail="decided already, or nobody agreed within 24 hours: ask anew")
    return found


def _log(
    conn: Connection, verb: str, actor: str, at: datetime, number: int, deed: str, thing: str, reason: str
) -> None:
    facts = {"deed": deed, "request": str(number)}
    activity.record(conn, Act(at=at, actor=actor, verb=verb, object=thing, purpose=reason, facts=facts))
