"""What may be done about personal data: ask that bodies be erased, and order it when a second officer agreed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.projections.personal import store
from tallystick.authority.projections.personal.store import Order
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS

ERASE = "personal.erase"
"""The deed of an erasure: it takes bodies away for good, so two officers decide."""

ENTRIES_MOST = 500
_HOLD_PERSONAL_DATA = frozenset({EntryKind.DOCUMENT, EntryKind.QUARANTINE, EntryKind.EVIDENCE})


def ask(conn: Connection, indexes: Collection[int], law: str, reason: str, by: Person, at: datetime) -> int:
    """Ask that the bodies of these entries be erased by a law; returns the request's number.

    Raises ``TS-4003`` (no such document behind the gate, or erased already), ``TS-1220`` (law, reason or how many),
    ``TS-4004`` (the same is asked already).
    """
    words, wanted = " ".join(law.split()), sorted(set(indexes))
    if not 0 < len(words) <= LIMITS.reason_characters_most or not words.isprintable():
        raise Fault("TS-1220", detail="the law must be named", fields=(FieldFault("/law", "1"),))
    if not 0 < len(wanted) <= ENTRIES_MOST:
        raise Fault("TS-1220", detail=f"1 to {ENTRIES_MOST} entries", fields=(FieldFault("/entries", "4"),))
    for index in wanted:
        if not _erasable(conn, index):
            raise Fault("TS-4003", detail=f"entry {index} is no document with a body")
    named = ",".join(map(str, wanted))
    thing = f"entries {named}" if len(named) <= 80 else f"{len(wanted)} entries from {wanted[0]} to {wanted[-1]}"
    return approvals.ask(conn, ERASE, thing, {"entries": named, "law": words}, reason, by, at)


def order(conn: Connection, request: Request, at: datetime) -> None:
    """Take an approved erasure in: row first; the ledger's entry and the bodies follow.

    What was erased meanwhile is left out; where nothing is left, nothing is done.
    """
    named = map(int, request.content["entries"].split(","))
    erased = {index: digest for index in named if (digest := _erasable(conn, index))}
    if not erased:
        return
    made = Order(
        request_id=request.request_id,
        law=request.content["law"],
        asked_by=request.asked_by,
        approved_by=request.decided_by or "",
        ordered_at=at,
        entry_index=None,
    )
    store.add(conn, made, erased)
    facts = {"law": made.law, "entries": str(len(erased))}
    act = Act(at=at, actor=request.decider, verb=ERASE, object=request.object, purpose=request.reason, facts=facts)
    activity.record(conn, act)


def _erasable(conn: Connection, index: int) -> bytes:
    """The hash of a body that may be erased; empty for any other entry."""
    found = store.entry(conn, index)
    if found is None or found[0] not in _HOLD_PERSONAL_DATA or not found[1] or not found[3]:
        return b""
    return found[2]
