"""Carries out decisions about many documents of a device: one after the other, in its order, each as if it were alone.

A document, its act and how far the decision has come are one transaction, so that it goes on behind any crash where it
was. What has something against it is left waiting: the rest is judged all the same, and at the end stands a count.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from tallystick.authority.intake import decision_store, many_store
from tallystick.authority.intake.decisions import anchor_of, check_undecided
from tallystick.authority.intake.held import Decision, Held
from tallystick.authority.intake.many import DECIDE_MANY, check_unchanged, counted
from tallystick.authority.intake.many_store import Extent, Progress
from tallystick.authority.intake.readmission import DecisionServices, decide
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Request
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

log = logging.getLogger(__name__)

_INNER = re.compile(r"TS-\d{4}\b")
_PLACE = "TS-1402"
"""What stands before a document lacks: no fault of its own, so that it may follow once its turn has come."""


def begin(conn: Connection, clock: Callable[[], datetime]) -> bool:
    """Take the oldest approved decision into work; false when none waits. Commits.

    Where other documents lie there than both officers saw, none is judged, and the reason stands in the list.
    """
    now = clock()
    request = approvals.take_next(conn, (DECIDE_MANY,), now)
    if request is None:
        return False
    many_store.begin(conn, request.request_id, request.object, now)
    try:
        check_unchanged(conn, _extent(request), bytes.fromhex(request.content["hash"]))
    except Fault as fault:
        nothing = Progress(
            request_id=request.request_id,
            uid=request.object,
            at_number=-1,
            at_entry=-1,
            done=0,
            left_waiting=0,
            codes={},
            hindrance=f"{fault.code}: {fault.detail}",
            begun_at=now,
            finished_at=None,
        )
        _end(conn, request, nothing, now)
    conn.commit()
    return True


def go_on(conn: Connection, services: DecisionServices, clock: Callable[[], datetime]) -> bool:
    """Judge the next document of the oldest decision in work, or end it; false when none is in work. Commits.

    Raises ``TS-50xx`` when the ledger cannot take the document now; then nothing has happened.
    """
    progress = many_store.lock_oldest(conn)
    request = approval_queries.request(conn, progress.request_id) if progress else None
    if progress is None or request is None:
        conn.commit()
        return False
    now = clock()
    found = many_store.next_of(conn, _extent(request), progress)
    if found is None:
        _end(conn, request, progress, now)
        conn.commit()
        return True
    act_hash, number, entry = found
    there = attrs.evolve(progress, at_number=number, at_entry=entry)
    held = decision_store.lock_held(conn, act_hash)
    try:
        many_store.note(conn, _judged(conn, services, request, held, there, now))
    except Fault:
        conn.rollback()
        raise
    conn.commit()
    return True


def _judged(
    conn: Connection, services: DecisionServices, request: Request, held: Held | None, there: Progress, now: datetime
) -> Progress:
    """How far it is behind this document. Raises ``TS-50xx``."""
    if held is None:
        return there
    try:
        check_undecided(held)
    except Fault:
        return there  # somebody decided upon it by itself in this moment
    said = _said(request, held)
    try:
        if said.content["decision"] == Decision.READMIT:
            said = attrs.evolve(said, content={**said.content, "doubt": _looked_at(conn, services, held)})
        decide(conn, services, said, held, now)
    except Fault as fault:
        if fault.code.startswith("TS-50"):
            raise
        return _left(conn, said, held, there, fault, now)
    return attrs.evolve(there, done=there.done + 1)


def _looked_at(conn: Connection, services: DecisionServices, held: Held) -> str:
    """The doubt about a document's age that may stand. Raises ``TS-3040``, and ``TS-3041`` where somebody must compare
    the paper: nobody has, of thousands."""
    standing = anchor_of(conn, services.counters, held)
    if standing.doubt and standing.best is not None and standing.best.supposes_intact_card:
        raise Fault("TS-3041", detail="officers must look at what shows its age, document by document")
    return standing.doubt


def _left(conn: Connection, said: Request, held: Held, there: Progress, fault: Fault, now: datetime) -> Progress:
    inner = _INNER.match(fault.detail or "")
    code = fault.code if inner is None else f"{fault.code} ({inner[0]})"
    hindrance = f"{fault.code}: {fault.detail}"
    if _PLACE not in (fault.code, inner[0] if inner else ""):
        decision_store.note_hindrance(conn, held.act_hash, hindrance)
    activity.record(conn, _act(said, "quarantine.hindered", now, {"code": fault.code}))
    return attrs.evolve(
        there,
        left_waiting=there.left_waiting + 1,
        codes={**there.codes, code: there.codes.get(code, 0) + 1},
        hindrance=there.hindrance or f"number {held.ordinal}: {hindrance}",
    )


def _end(conn: Connection, request: Request, progress: Progress, now: datetime) -> None:
    ended = attrs.evolve(progress, finished_at=now)
    many_store.note(conn, ended)
    facts = {
        "codes": counted(dict(ended.codes)),
        "decision": request.content["decision"],
        "documents": request.content["documents"],
        "done": str(ended.done),
        "hindrance": ended.hindrance,
        "left": str(ended.left_waiting),
    }
    activity.record(conn, _act(request, DECIDE_MANY, now, {name: said for name, said in facts.items() if said}))
    log.warning("a decision about many is carried out", extra={"device": ended.uid, "documents": ended.done})


def _extent(request: Request) -> Extent:
    said = request.content
    return Extent(request.object, int(said["first"]), int(said["last"]), int(said["edge"]))


def _said(request: Request, held: Held) -> Request:
    """The request as if it were about this document alone."""
    return attrs.evolve(
        request, object=held.act_hash.hex(), content={"decision": request.content["decision"], "number": held.number}
    )


def _act(request: Request, verb: str, at: datetime, facts: Mapping[str, str]) -> Act:
    return Act(
        at=at,
        actor=request.decider,
        verb=verb,
        object=request.object,
        purpose=request.reason,
        facts={**facts, "request": str(request.request_id), "asked_by": request.asked_by},
    )
