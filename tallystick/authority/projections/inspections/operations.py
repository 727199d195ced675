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
from tallystick.kernel.faults import Fault
from tallystick.kernel.reasons import read_reason

LOOK_AGAIN_AFTER = timedelta(minutes=1)
_SEEN_AGAIN_MOST = 500


@attrs.frozen(slots=True)
class LookedAgain:
    """What a second look at a case brought: how much of it was compared, and whether the case ended by that."""

    compared: int
    vanished: bool


def find(conn: Connection, detector: Detector, at: datetime) -> int:
    """Put what a detector sees into cases, in the caller's transaction; how much that was.

    What stands in a case that an officer has closed opens no new one; anything else about the same matter does.
    """
    seen = 0
    for evidence in detector.findings(conn, at):
        if not store.was_closed(conn, evidence):
            store.see(conn, evidence, at)
            seen += 1
    return seen


def look_again(conn: Connection, detector: Detector, at: datetime) -> LookedAgain | None:
    """Look at the open case of a detector that has waited longest, in the caller's transaction; none when none is due.

    A case with very much in it is compared piece by piece: what is gone makes room for the rest.
    """
    kinds = [kind for kind in CaseKind if kind.detector is detector.name]
    for case_id in store.due_cases(conn, kinds, at - LOOK_AGAIN_AFTER, 1):
        found = store.seen_in(conn, case_id, only_there=True, limit=_SEEN_AGAIN_MOST)
        for one in found:
            if not detector.holds(conn, one.evidence, at):
                store.mark_gone(conn, one.seen_id, at)
        store.note_looked(conn, case_id, at)
        return LookedAgain(len(found), store.vanish(conn, case_id, at))
    return None


def note_sighting(conn: Connection, sighting: Sighting, at: datetime) -> datetime:
    """A buyer has shown a code whose document the ledger has not, or has otherwise; the same again is counted.

    Gives when it was shown first.
    """
    return store.note_sighting(conn, sighting, at)


def close(conn: Connection, case_id: int, by: Person, reason: str, at: datetime) -> None:
    """An officer ends a case; raises ``TS-4003`` (unknown), ``TS-4007`` (has ended), ``TS-1220`` (reason)."""
    words = read_reason(reason)
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
