"""What may be done to a batch: two persons open it, counts that add up close it. The caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import printing_store, store
from tallystick.authority.reference.production.hardware import profile_of
from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.values import (
    BLANKS_MOST,
    YEARS_LEAST,
    YEARS_MOST,
    Batch,
    BatchState,
    Counts,
)
from tallystick.authority.reference.registry import persons
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.wire.production_order import read_order

OPEN_DEED = "production.open-batch"
_ROLES = frozenset({"operator", "officer", "service_centre"})


def person(conn: Connection, username: str, came_from: str) -> Person:
    """An active user of the registry who may make modules; raises ``TS-4003``, ``TS-4021``."""
    return persons.person(conn, username, came_from, _ROLES)


def ask_to_open(
    conn: Connection,
    order: bytes,
    *,
    profile: str,
    blanks: int,
    years: int,
    usual_limit: Money,
    reason: str,
    by: Person,
    at: datetime,
) -> Batch:
    """Prepare a batch from an order (CSV) and ask for a second person, who opens it.

    ``blanks`` is what was counted into the room. Raises ``TS-3068`` (order), ``TS-4003`` (profile), ``TS-1220`` (count
    of blanks, years, reason), ``TS-3064`` (this very order has a batch that was not refused).
    """
    profile_of(profile)
    lines = read_order(order, usual_limit)
    if not YEARS_LEAST <= years <= YEARS_MOST:
        raise Fault("TS-1220", detail=f"valid for {YEARS_LEAST} to {YEARS_MOST} years", fields=_at("/years"))
    if not len(lines) <= blanks <= BLANKS_MOST:
        detail = f"{len(lines)} modules need as many blanks, and a batch has at most {BLANKS_MOST}"
        raise Fault("TS-1220", detail=detail, fields=_at("/blanks"))
    unknown = sorted({line.tin for line in lines} - registry.known_taxpayers(conn, [line.tin for line in lines]))
    if unknown:
        raise Fault("TS-3068", detail=f"taxpayers who are not in the registry: {', '.join(unknown[:5])}")
    digest = sha256(order)
    batch_id = store.add_batch(
        conn,
        profile=profile,
        order_hash=digest,
        ordered=len(lines),
        blanks=blanks,
        years=years,
        asked_by=by.username,
        at=at,
    )
    if batch_id is None:
        raise Fault("TS-3064", detail="this very order has a batch already; refuse it first where it still waits")
    store.add_lines(conn, batch_id, lines)
    content = _content(known(conn, batch_id))
    store.note_request(conn, batch_id, approvals.ask(conn, OPEN_DEED, f"batch {batch_id}", content, reason, by, at))
    return known(conn, batch_id)


def approve(conn: Connection, batch_id: int, by: Person, at: datetime) -> Batch:
    """The second person opens the batch that was asked for, and no other.

    Raises ``TS-4003``, ``TS-4005`` (the same person), ``TS-4007`` (decided, or a day has passed).
    """
    batch = known(conn, batch_id, locked=True)
    request_id = _request_of(batch)
    approvals.approve(conn, request_id, by, at)
    taken = approvals.take(conn, request_id, OPEN_DEED, at)
    if dict(taken.content) != _content(batch):
        raise Fault("TS-3064", detail="the batch is not what the second person agreed to")
    if not store.open_batch(conn, batch_id, by.username, at):
        raise Fault("TS-4007", detail=f"the batch is {batch.state}")
    _log(conn, "production.open-batch", batch, by, at, taken.reason)
    return known(conn, batch_id)


def refuse(conn: Connection, batch_id: int, by: Person, at: datetime) -> None:
    """Somebody refuses, or the first takes it back; then the same order may be asked for anew.

    So may one whose request found no second person in time, or was decided elsewhere. Raises ``TS-4003``, and
    ``TS-4007`` for a batch that does not wait any more.
    """
    batch = known(conn, batch_id, locked=True)
    if batch.state is not BatchState.ASKED:
        raise Fault("TS-4007", detail=f"the batch is {batch.state}")
    try:
        approvals.refuse(conn, _request_of(batch), by, at)
    except Fault as fault:
        if fault.code != "TS-4007":
            raise
    store.refuse_batch(conn, batch_id)
    _log(conn, "production.refuse-batch", batch, by, at, "")


def close(conn: Connection, batch_id: int, *, left: int, spoilt: int, by: Person, at: datetime) -> Counts:
    """Close a batch after a person has counted the blanks that are left and the spoilt ones.

    Raises ``TS-3064`` (not open) and ``TS-3009``: what was counted into the room is not what is there, or something is
    not finished. The batch stays open then.
    """
    batch = known(conn, batch_id, locked=True)
    if batch.state is not BatchState.OPEN:
        raise Fault("TS-3064", detail=f"the batch is {batch.state}")
    counts = store.counts(conn, batch_id)
    found = [
        f"{counts.in_work} half made" if counts.in_work else "",
        f"{counts.by_state.get(State.RECORDED, 0)} not in stock yet" if counts.by_state.get(State.RECORDED) else "",
        f"{counts.good} good of {batch.ordered} ordered" if counts.good != batch.ordered else "",
        f"{spoilt} spoilt were counted, {counts.spoilt} are recorded" if spoilt != counts.spoilt else "",
        _blanks_differ(batch, counts, left),
        "a printing job is not confirmed" if printing_store.open_jobs(conn, batch_id) else "",
    ]
    if any(found):
        raise Fault("TS-3009", detail="; ".join(one for one in found if one))
    store.close_batch(conn, batch_id, by.username, at, good=counts.good, spoilt=spoilt, left=left)
    facts = {"blanks": str(batch.blanks), "good": str(counts.good), "spoilt": str(spoilt), "left": str(left)}
    _log(conn, "production.close-batch", batch, by, at, "", facts)
    return counts


def _blanks_differ(batch: Batch, counts: Counts, left: int) -> str:
    expected = batch.blanks - counts.taken
    return "" if left == expected else f"{left} blanks are left, and it should be {expected} of {batch.blanks}"


def known(conn: Connection, batch_id: int, *, locked: bool = False) -> Batch:
    """The batch; raises ``TS-4003``."""
    batch = store.batch(conn, batch_id, locked=locked)
    if batch is None:
        raise Fault("TS-4003", detail="no such batch")
    return batch


def must_be_open(conn: Connection, batch_id: int, *, locked: bool = False) -> Batch:
    """The batch, which two persons have opened; raises ``TS-3064``."""
    batch = known(conn, batch_id, locked=locked)
    if batch.state is not BatchState.OPEN:
        raise Fault("TS-3064", detail=f"the batch is {batch.state}; two persons open it")
    return batch


@contextmanager
def held_run(conn: Connection, batch_id: int) -> Iterator[None]:
    """Be the only run that works on the batch; raises ``TS-3064`` when another does.

    It lets go before the session ends: the server notices an end a moment later, when the next run may be there.
    """
    if not store.hold_run(conn, batch_id):
        raise Fault("TS-3064", detail="another run works on this batch")
    try:
        yield
    finally:
        if not conn.broken:
            store.release_run(conn, batch_id)


def _content(batch: Batch) -> dict[str, str]:
    return {
        "blanks": str(batch.blanks),
        "modules": str(batch.ordered),
        "order": batch.order_hash.hex(),
        "profile": batch.profile,
        "years": str(batch.years),
    }


def _request_of(batch: Batch) -> int:
    assert batch.request_id is not None, "a batch is asked for when it is made"
    return batch.request_id


def _at(pointer: str) -> tuple[FieldFault, ...]:
    return (FieldFault(pointer, "4"),)


def _log(
    conn: Connection,
    verb: str,
    batch: Batch,
    by: Person,
    at: datetime,
    purpose: str,
    facts: dict[str, str] | None = None,
) -> None:
    known_facts = facts if facts is not None else _content(batch)
    thing = f"batch {batch.batch_id}"
    activity.record(conn, Act(at=at, actor=by.actor, verb=verb, object=thing, purpose=purpose, facts=known_facts))
