"""Carries out that a place is settled: row, evidence, the ledger's entry, and what stood apart for that place alone.

The row is durable before the ledger is asked, and its bytes are the entry: repeated after a crash they are the same
entry. The sequencer has the last word about whether the place is free. What follows is judged by the rules of
re-admission, one document after the other in the device's order, until one has something else against it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from tallystick.authority.intake import decision_store, place_store, store
from tallystick.authority.intake.decisions import anchor_of
from tallystick.authority.intake.held import Decision, Held
from tallystick.authority.intake.national.booking import UNACCOUNTED
from tallystick.authority.intake.place_store import PRESENTED
from tallystick.authority.intake.places import SETTLE, LostPlaces, lost_before
from tallystick.authority.intake.readmission import Append, DecisionServices, decide
from tallystick.authority.intake.store import Evidence
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.wire.document_jws import MEDIA_TYPE as NATIONAL
from tallystick.wire.settled_place import MEDIA_TYPE, SettledPlace, read_settled_place, write_settled_place

log = logging.getLogger(__name__)

IN_TIME = timedelta(days=1)
"""What came so long after a place was settled, and stood apart for it since its batch was in work, follows too."""


@attrs.frozen(slots=True)
class Told:
    """What an inspector should see: places that are lost, or a report that says what stood in them.

    ``facts`` are for people; ``turnover`` is what a report says beyond the known documents, in ten-thousandths.
    """

    uid: str
    tin: str
    item: str
    facts: dict[str, str]
    turnover: int | None = None


Tell = Callable[[Connection, Told, datetime], None]


def carry_out(conn: Connection, services: DecisionServices, clock: Callable[[], datetime]) -> bool:
    """Carry out the oldest approved request; false when none waits. Commits.

    Where things are not any more what two officers saw, nothing is settled: the reason stands at the document.
    """
    now = clock()
    request = approvals.take_next(conn, (SETTLE,), now)
    if request is None:
        return False
    act_hash = bytes.fromhex(request.object)
    held = decision_store.lock_held(conn, act_hash)
    try:
        if held is None:
            raise Fault("TS-4003", detail="no such document")
        lost = lost_before(conn, services.counters, held)
        if any(request.content[name] != said for name, said in lost.content.items()):
            raise Fault("TS-1408", detail="something came or was booked since it was asked: ask anew")
        _keep(conn, request, held, lost, now)
    except Fault as fault:
        if fault.code.startswith("TS-50"):
            conn.rollback()
            raise
        decision_store.note_hindrance(conn, act_hash, f"{fault.code}: {fault.detail}")
        activity.record(conn, _act(request, "quarantine.hindered", now, {"code": fault.code}))
        log.warning("a place is not settled", extra={"code": fault.code, "act": request.object})
    conn.commit()
    return True


def _keep(conn: Connection, request: Request, held: Held, lost: LostPlaces, now: datetime) -> None:
    place = SettledPlace(
        device=lost.device,
        first=lost.first,
        last=lost.last,
        previous=lost.previous,
        next=lost.next,
        next_act=held.act_hash,
        next_entry=lost.next_entry,
        presented=lost.named,
        presented_count=len(lost.presented),
        reason=request.reason,
        asked_by=request.asked_by,
        approved_by=request.decided_by or "",
        at_ms=unix_ms(now),
        request=request.request_id,
    )
    if not place_store.put(conn, place, held.tin, now):
        raise Fault("TS-1408", detail="these places are settled already")
    for signed, at in place_store.refused_between(conn, lost.device, lost.first, lost.last):
        evidence = Evidence(
            act_hash=signed.act_hash,
            body_hash=signed.body_hash,
            kind=PRESENTED,
            file_hash=signed.body_hash,
            body=signed.compact,
            first_body_hash=b"",
            signed_by=lost.device,
            ordinal=signed.header.sequence,
            token_uid=lost.device,
            received_at=at,
        )
        store.keep_evidence(conn, evidence)
    facts = {"device": lost.device, "first": str(lost.first), "last": str(lost.last)}
    activity.record(conn, _act(request, "quarantine.settle", now, facts, for_whom=held.tin))
    log.warning("places of a register are settled as lost", extra=facts)


def publish(conn: Connection, append: Append, tell: Tell) -> int:
    """Enter settled places, and what came for them, that are not in the ledger yet; how many places. Commits."""
    waiting = place_store.waiting(conn)
    conn.commit()
    booked = 0
    for one in waiting:
        place = read_settled_place(one.body)
        entry = _entry(place, one.tin, one.settled_at)
        try:
            index = append(entry).index
        except Fault as fault:
            if fault.code.startswith("TS-50"):
                raise
            place_store.refuse(conn, one.request_id, f"{fault.code}: {fault.detail}")
            decision_store.note_hindrance(conn, one.next_act, f"{fault.code}: {fault.detail}")
            conn.commit()
            continue
        place_store.number(conn, one.request_id, index)
        facts = {"entry": str(index), "reason": place.reason, "presented": str(place.presented_count)}
        tell(conn, Told(place.device, one.tin, _numbers(place), facts), one.settled_at)
        conn.commit()
        booked += 1
    _publish_presented(conn, append)
    return booked


def _publish_presented(conn: Connection, append: Append) -> None:
    for one in place_store.unnumbered_presented(conn):
        entry = NewEntry(
            kind=EntryKind.EVIDENCE,
            channel=Channel.ECR_OFFLINE,
            body=one.body,
            media_type=NATIONAL,
            received_at_ms=unix_ms(one.received_at),
            act_hash=one.act_hash,
            device=(one.signed_by, one.signed_by),
            se_total=one.ordinal,
            facts={"kind": PRESENTED},
        )
        store.number_evidence(conn, one.act_hash, one.body_hash, append(entry).index)
        conn.commit()


def follow(conn: Connection, services: DecisionServices, clock: Callable[[], datetime], tell: Tell) -> bool:
    """Admit the next document that stood apart for a settled place; false when none waits. Commits.

    The two officers who settled the place stand for it. One that has more against it than its place waits for a
    decision of its own, and so does all behind it.
    """
    found = place_store.next_behind(conn, IN_TIME)
    if found is None:
        conn.commit()
        return False
    act_hash, request_id = found
    request = approval_queries.request(conn, request_id)
    held = decision_store.lock_held(conn, act_hash)
    if request is None or held is None:
        conn.rollback()
        return False
    now, entries = clock(), list[NewEntry]()

    def append(entry: NewEntry) -> Booked:
        entries.append(entry)
        return services.append(entry)

    said = attrs.evolve(request, object=act_hash.hex(), content={"decision": Decision.READMIT.value})
    try:
        if anchor_of(conn, services.counters, held).doubt:
            raise Fault("TS-3041", detail="officers must look at what shows its age")
        decide(conn, attrs.evolve(services, append=append), said, held, now)
    except Fault as fault:
        if fault.code.startswith("TS-50"):
            conn.rollback()
            raise
        decision_store.note_hindrance(conn, act_hash, f"{fault.code}: {fault.detail}")
        activity.record(conn, _act(said, "quarantine.hindered", now, {"code": fault.code}))
    for entry in entries:
        _tell_of_report(conn, entry, tell, now)
    conn.commit()
    return True


def _tell_of_report(conn: Connection, entry: NewEntry, tell: Tell, now: datetime) -> None:
    beyond = {name: said for name, said in entry.facts.items() if name.startswith(UNACCOUNTED)}
    if "TS-1409" not in entry.flags or not beyond:
        return
    turnover = beyond.get(f"{UNACCOUNTED}turnover", "0")
    item = f"report {entry.device_seq}"
    tell(conn, Told(entry.device[1], entry.tin, item, beyond, Money.of(turnover).scaled), now)


def _numbers(place: SettledPlace) -> str:
    return f"number {place.first}" if place.first == place.last else f"numbers {place.first} to {place.last}"


def _entry(place: SettledPlace, tin: str, at: datetime) -> NewEntry:
    return NewEntry(
        kind=EntryKind.SETTLED_PLACE,
        channel=Channel.NONE,
        body=write_settled_place(place),
        media_type=MEDIA_TYPE,
        received_at_ms=unix_ms(at),
        device=(place.device, place.device),
        tin=tin,
        facts={"event": "place settled", "first": str(place.first)},
    )


def _act(request: Request, verb: str, at: datetime, facts: dict[str, str], *, for_whom: str = "") -> Act:
    return Act(
        at=at,
        actor=request.decider,
        verb=verb,
        object=request.object,
        for_whom=for_whom,
        purpose=request.reason,
        facts=facts | {"request": str(request.request_id), "asked_by": request.asked_by},
    )
