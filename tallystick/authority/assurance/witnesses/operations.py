"""What may be done about witnesses: found and change their policy, and keep what they and others say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from tallystick.authority.assurance.witnesses import store
from tallystick.authority.assurance.witnesses.values import Conflict, Contradiction, PolicyChange
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.tlog_policy import Policy, parse_policy

log = logging.getLogger(__name__)

CHANGE_POLICY = "witnesses.policy"
"""The deed that needs two persons (security 7: witness change)."""
_THING = "policy"
_JSON = "application/json"
Append = Callable[[NewEntry], int]
"""Books an entry behind the gate; its index, the first one for the same bytes."""


def found_policy(conn: Connection, content: bytes, actor: str, at: datetime) -> int:
    """Put the first policy in force when a country is made; raises ``TS-4007`` where there is one, and ``TS-1220``.

    Every later one needs two persons.
    """
    policy = parse_policy(content)
    store.lock_policies(conn)
    if store.policy(conn) is not None:
        raise Fault("TS-4007", detail="there is a policy: a change needs two persons")
    version = _take(conn, policy, content, "the first policy", actor, actor, at)
    activity.record(conn, _act(actor, "witnesses.found", version, content, "the country is made", at))
    return version


def ask_for_policy(conn: Connection, content: bytes, reason: str, by: Person, at: datetime) -> int:
    """Ask for another policy; the request's number. Raises ``TS-1220`` and what ``approvals.ask`` raises."""
    parse_policy(content)
    wanted = {"policy": content.decode("latin-1")}
    return approvals.ask(conn, CHANGE_POLICY, _THING, wanted, reason, by, at)


def take_policy(conn: Connection, at: datetime) -> int | None:
    """Put the oldest approved policy in force, for the worker; its version, none where none waits."""
    request = approvals.take_next(conn, (CHANGE_POLICY,), at)
    if request is None:
        return None
    content = request.content["policy"].encode("latin-1")
    store.lock_policies(conn)
    approved_by = request.decided_by or ""
    version = _take(conn, parse_policy(content), content, request.reason, request.asked_by, approved_by, at)
    activity.record(conn, _act(request.decider, "witnesses.change", version, content, request.reason, at))
    log.warning("another policy of witnesses is in force", extra={"version": version})
    return version


def publish(conn: Connection, append: Append) -> int:
    """Enter policies (0x0B) and contradictions (0x05) that are not in the ledger yet; how many.

    A crash between entry and note repeats the entry, which the ledger knows by its bytes.
    """
    changes, conflicts = store.unpublished_policies(conn), store.unpublished_conflicts(conn)
    conn.commit()
    for change in changes:
        store.number_policy(conn, change.version, append(_policy_entry(change)))
        conn.commit()
    for conflict in conflicts:
        store.number_conflict(conn, conflict.conflict_id, append(_conflict_entry(conflict)))
        conn.commit()
    return len(changes) + len(conflicts)


def keep_conflict(
    conn: Connection, reported_by: str, what: Contradiction, size: int, ours: bytes, theirs: bytes, at: datetime
) -> bool:
    """Keep both notes of a contradiction and say it aloud; false where it is known. The caller commits."""
    number = store.keep_conflict(conn, reported_by, what, size, ours, theirs, at)
    if number is None:
        return False
    log.critical(
        "TS-3048 two checkpoints contradict each other",
        extra={"conflict": number, "reported_by": reported_by, "what": str(what), "size": size},
    )
    return True


def _take(
    conn: Connection, policy: Policy, content: bytes, reason: str, asked_by: str, approved_by: str, at: datetime
) -> int:
    version = store.add_policy(conn, content, reason, asked_by, approved_by, at)
    for witness in policy.witnesses:
        store.watch(conn, witness.key.verifier_key, at)
    return version


def _act(actor: str, verb: str, version: int, content: bytes, purpose: str, at: datetime) -> Act:
    return Act(at=at, actor=actor, verb=verb, object=f"policy {version}", purpose=purpose, after=sha256(content).hex())


def _policy_entry(change: PolicyChange) -> NewEntry:
    body = {
        "approvedBy": change.approved_by,
        "askedBy": change.asked_by,
        "event": "witness policy",
        "policy": change.content.decode("latin-1"),
        "reason": change.reason,
        "takenAt": str(unix_ms(change.taken_at)),
        "version": str(change.version),
    }
    return NewEntry(
        kind=EntryKind.KEY_CHANGE,
        channel=Channel.NONE,
        body=msgspec.json.encode(body, order="sorted"),
        media_type=_JSON,
        received_at_ms=unix_ms(change.taken_at),
        facts={"event": "witness policy", "sha256": sha256(change.content).hex()},
    )


def _conflict_entry(conflict: Conflict) -> NewEntry:
    body = {
        "event": "checkpoints contradict",
        "foundAt": str(unix_ms(conflict.found_at)),
        "number": str(conflict.conflict_id),
        "ours": conflict.ours.decode("utf-8", "replace"),
        "reportedBy": conflict.reported_by,
        "theirs": conflict.theirs.decode("utf-8", "replace"),
        "what": str(conflict.what),
    }
    return NewEntry(
        kind=EntryKind.EVIDENCE,
        channel=Channel.NONE,
        body=msgspec.json.encode(body, order="sorted"),
        media_type=_JSON,
        received_at_ms=unix_ms(conflict.found_at),
        facts={"reason": "checkpoints contradict"},
    )
