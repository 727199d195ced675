"""What may be done with cases: a detector looks, a buyer's sighting is kept, an officer closes."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.inspections import store
from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.values import CaseKind, CaseState, Sighting
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS

LOOK_AGAIN_AFTER = timedelta(minutes=1)
_CASES_AGAIN_MOST = 50
_SEEN_AGAIN_MOST = 500


@attrs.frozen(slots=True)
class Round:
    """What one look of a detector brought: things seen, and cases that ended by themselves."""

    seen: int
    vanished: int


def look(conn: Connection, detector: Detector, at: datetime) -> Round:
    """One round of one detector, in the caller's transaction: new evidence first, then its open cases again.

    What stands in a case that an officer has closed opens no new one; anything else about the same matter does.
    """
    seen = vanished = 0
    for evidence in detector.findings(conn, at):
        if not store.was_closed(conn, evidence):
            store.see(conn, evidence, at)
            seen += 1
    kinds = [kind for kind in CaseKind if kind.detector is detector.name]
    for case_id in store.due_cases(conn, kinds, at - LOOK_AGAIN_AFTER, _CASES_AGAIN_MOST):
        for one in store.seen_in(conn, case_id, only_there=True, limit=_SEEN_AGAIN_MOST):
            if not detector.holds(conn, one.evidence, at):
                store.mark_gone(conn, one.seen_id, at)
        store.note_looked(conn, case_id, at)
        vanished += store.vanish(conn, case_id, at)
    return Round(seen, vanished)


def note_sighting(conn: Connection, sighting: Sighting, at: datetime) -> None:
    """A buyer has shown a code whose document the ledger has not; the same again is counted."""
    store.note_sighting(conn, sighting, at)


def close(conn: Connection, case_id: int, by: Person, reason: str, at: datetime) -> None:
    """An officer ends a case; raises ``TS-4003`` (unknown), ``TS-4007`` (has ended), ``TS-1220`` (reason)."""
    words = " ".join(reason.split())
    if not LIMITS.approval_reason_least <= len(words) <= LIMITS.approval_reason_most or not words.isprintable():
        detail = f"a reason has {LIMITS.approval_reason_least} to {LIMITS.approval_reason_most} characters"
        raise Fault("TS-1220", detail=detail, fields=(FieldFault("/reason", "5"),))
    state = store.lock_case(conn, case_id)
    if state is None:
        raise Fault("TS-4003", detail="no such case")
    if state is not CaseState.OPEN:
        raise Fault("TS-4007", detail=f"the case is {state}")
    (case,) = store.cases(conn, case_id=case_id)
    store.close_case(conn, case_id, by.username, words, at)
    act = Act(
        at=at, actor=by.actor, verb="inspections.close", object=f"case {case_id}", for_whom=case.tin, purpose=words
    )
    activity.record(conn, act)


def read(conn: Connection, case_id: int, actor: str, at: datetime) -> None:
    """Somebody (``kind:name``) has opened a case: it is about a taxpayer, so that he looked is logged."""
    found = store.cases(conn, case_id=case_id)
    if found:
        act = Act(at=at, actor=actor, verb="inspections.read", object=f"case {case_id}", for_whom=found[0].tin)
        activity.record(conn, act)
