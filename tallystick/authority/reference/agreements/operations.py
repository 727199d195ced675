"""What may be done with agreements: conclude one, end one. The caller's transaction is the unit of work."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.agreements import store
from tallystick.authority.reference.agreements.ports import Taxpayers
from tallystick.authority.reference.agreements.values import Agreement
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_tin
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.reasons import read_reason

NUMBER_CHARACTERS = 40


def conclude(
    conn: Connection,
    taxpayers: Taxpayers,
    number: str,
    tin: str,
    since: datetime,
    until: datetime | None,
    by: Person,
    at: datetime,
) -> Agreement:
    """Conclude an agreement with a registered taxpayer; the same again changes nothing.

    Raises ``TS-1313`` (taxpayer) and ``TS-3231`` (the number is another agreement's, or the form of it is wrong).
    """
    if not 0 < len(number) <= NUMBER_CHARACTERS or not number.isprintable() or number != number.strip():
        raise Fault("TS-3231", detail=f"a number is 1 to {NUMBER_CHARACTERS} printable characters")
    if until is not None and until <= since:
        raise Fault("TS-3231", detail="it would end before it begins")
    if taxpayers(conn, parse_tin(tin)) is None:
        raise Fault("TS-1313", detail="no such taxpayer is registered")
    wanted = Agreement(
        number=number, tin=parse_tin(tin), since=since, until=until, concluded_by=by.actor, concluded_at=at
    )
    is_new = store.add(conn, wanted)
    found = store.agreement(conn, number)
    assert found is not None, "it was added, or was there before"
    if attrs.evolve(found, concluded_by=by.actor, concluded_at=at) != wanted:
        raise Fault("TS-3231", detail="this number is another agreement's, or that one has been ended")
    if is_new:
        facts = {"since": str(unix_ms(since)), "until": "" if until is None else str(unix_ms(until))}
        _record(conn, "agreements.conclude", by, found, at, "", facts)
    return found


def end(conn: Connection, number: str, until: datetime, by: Person, reason: str, at: datetime) -> Agreement:
    """End an agreement at a moment that has not passed; nobody ends it later than it was to end.

    Raises ``TS-3232`` (unknown, over, to end earlier already, or the moment has passed) and ``TS-1220`` (the reason).
    """
    words = read_reason(reason)
    found = store.agreement(conn, number, lock=True)
    if found is None:
        raise Fault("TS-3232", detail="no such agreement")
    if until < at:
        raise Fault("TS-3232", detail="an agreement ends now or later, never before")
    if found.until is not None and found.until <= until:
        raise Fault("TS-3232", detail=f"it ends at {found.until:%Y-%m-%d %H:%M} UTC already")
    store.end(conn, number, until, by.actor, words, at)
    _record(conn, "agreements.end", by, found, at, words, {"until": str(unix_ms(until))})
    ended = store.agreement(conn, number)
    assert ended is not None, "it was there"
    return ended


def _record(
    conn: Connection, verb: str, by: Person, agreement: Agreement, at: datetime, why: str, facts: dict[str, str]
) -> None:
    thing = f"agreement:{agreement.number}"
    act = Act(
        at=at, actor=by.actor, verb=verb, object=thing, for_whom=agreement.tin, purpose=why, facts=facts
    )  # fmt: skip
    activity.record(conn, act)
