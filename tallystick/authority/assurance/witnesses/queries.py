"""What may be asked about witnesses: who they are, whether they are late, and checkpoints with their signatures."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.assurance.witnesses import store
from tallystick.authority.assurance.witnesses.values import Conflict, PolicyInForce, Standing, WatchedBy
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import SignedNote, parse_checkpoint, parse_note, parse_signature_lines, write_note


def policy(conn: Connection) -> PolicyInForce | None:
    """The policy in force; none where nobody watches."""
    return store.policy(conn)


def watched_by(conn: Connection) -> list[WatchedBy]:
    """The witnesses of the policy in force, in its order, and where each stands."""
    now_in_force = store.policy(conn)
    if now_in_force is None:
        return []
    found = store.standings(conn, (one.key.verifier_key for one in now_in_force.policy.witnesses))
    unseen = Standing(0, now_in_force.taken_at, None, "", None)
    return [WatchedBy(one, found.get(one.key.verifier_key, unseen)) for one in now_in_force.policy.witnesses]


def conflicts(conn: Connection, limit: int = 20) -> list[Conflict]:
    """Contradictions, newest first."""
    return store.conflicts(conn, limit)


def count_conflicts(conn: Connection) -> int:
    """How many contradictions were ever found."""
    return store.count_conflicts(conn)


def with_cosignatures(conn: Connection, note: bytes) -> bytes:
    """A checkpoint of ours with all cosignatures of its size behind the log's own signatures."""
    parsed = parse_note(note)
    size = parse_checkpoint(parsed.text).size
    lines = b"".join(f"{line}\n".encode() for _, line in store.cosignatures(conn, size))
    if not lines:
        return note
    return write_note(SignedNote(parsed.text, (*parsed.signatures, *parse_signature_lines(lines))))


def cosigned(conn: Connection) -> bytes | None:
    """The newest checkpoint that a quorum has cosigned, with its cosignatures; none before the first."""
    newest = store.newest_quorum(conn)
    return _note_of(conn, newest[0]) if newest else None


def cosigned_covering(conn: Connection, index: int) -> SignedNote | None:
    """The first cosigned checkpoint whose tree holds the entry at ``index``; none while there is none."""
    size = store.first_quorum_from(conn, index + 1)
    note = _note_of(conn, size) if size is not None else None
    return parse_note(note) if note is not None else None


def _note_of(conn: Connection, size: int) -> bytes | None:
    note = ledger.checkpoint_of(conn, size)
    return with_cosignatures(conn, note) if note else None


def quorum_age(conn: Connection, now: datetime) -> timedelta | None:
    """How long the quorum has not been met, counted from the policy's beginning at first; none without witnesses."""
    in_force = store.policy(conn)
    if in_force is None or not in_force.policy.witnesses:
        return None
    newest = store.newest_quorum(conn)
    return now - max(in_force.taken_at, newest[1] if newest else in_force.taken_at)


def check_not_too_late(conn: Connection, most: timedelta | None, now: datetime) -> None:
    """The gate that a policy may set before intake: raises ``TS-5010`` when the quorum is missing for too long."""
    age = quorum_age(conn, now) if most is not None else None
    if age is not None and most is not None and age > most:
        detail = f"no quorum of witnesses for {int(age.total_seconds())} s"
        raise Fault("TS-5010", detail=detail, retry_after_seconds=30)
