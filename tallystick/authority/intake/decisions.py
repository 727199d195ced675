"""What officers do about documents in quarantine: ask that one be re-admitted or rejected (K-05, security 2.5 and 7).

Four eyes: another officer approves (``oversight.approvals``), and only then the worker carries it out, once. What was
lawfully signed is never thrown away: a rejected document stays kept, and its entries stay in the ledger.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.intake import anchors, decision_store
from tallystick.authority.intake.anchors import CardCounters, Standing
from tallystick.authority.intake.held import Decision, Held, HeldState
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

DECIDE = "quarantine.decide"
"""The deed; its object is the act's hash, so that only one decision of a document is open at a time."""


def ask(
    conn: Connection,
    counters: CardCounters,
    by: Person,
    act_hash: bytes,
    decision: Decision,
    reason: str,
    at: datetime,
) -> int:
    """Ask for a decision; the request's number.

    Raises ``TS-4003`` (no such document), ``TS-4007`` (decided already), ``TS-3040`` (a revoked signer, and nothing
    shows that the document is older), ``TS-3041`` (its arrival has no entry in the ledger yet), and what
    ``approvals.ask`` raises.
    """
    held = decision_store.held(conn, act_hash)
    if held is None:
        raise Fault("TS-4003", detail="no such document")
    check_undecided(held)
    content = {"decision": decision.value, "number": held.number}
    if decision is Decision.READMIT:
        found = anchor_of(conn, counters, held)
        content["anchor"] = str(found.best or "")
        if found.doubt:
            content["doubt"] = found.doubt
    return approvals.ask(conn, DECIDE, act_hash.hex(), content, reason, by, at)


def check_undecided(held: Held) -> None:
    """Raises ``TS-4007`` for a document that was decided upon, ``TS-3041`` while its arrival is not in the ledger."""
    if held.state is not HeldState.RECEIVED:
        raise Fault("TS-4007", detail=f"the document is {held.state}")
    if held.entry_index is None:
        raise Fault("TS-3041", detail="its arrival has no entry in the ledger yet")


def anchor_of(conn: Connection, counters: CardCounters, held: Held) -> Standing:
    """What shows the document's age; raises ``TS-3040``."""
    found = anchors.standing(conn, counters, held)
    found.check()
    return found
