"""The SQL of the witnesses' room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tallystick.authority.assurance.witnesses.values import (
    Conflict,
    Contradiction,
    PolicyChange,
    PolicyInForce,
    Standing,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.hashing import sha256
from tallystick.wire.tlog_policy import parse_policy

_SQL = RoomQueries("tallystick.authority.assurance.witnesses")

CONFLICTS_MOST = 10_000


def policy(conn: Connection) -> PolicyInForce | None:
    """The policy in force; none before the first."""
    row = _SQL.row(conn, "policy")
    return PolicyInForce(row[0], row[1], row[2], parse_policy(row[1])) if row else None


def lock_policies(conn: Connection) -> None:
    """Let nobody else change the policy until the transaction ends."""
    _SQL.row(conn, "lock_policies")


def add_policy(conn: Connection, content: bytes, reason: str, asked_by: str, approved_by: str, at: datetime) -> int:
    """Put a policy in force; its version."""
    return int(
        _SQL.value(
            conn,
            "add_policy",
            content=content,
            reason=reason,
            asked_by=asked_by,
            approved_by=approved_by,
            at=at,
        )
    )


def unpublished_policies(conn: Connection) -> list[PolicyChange]:
    """Policies without an entry in the ledger, oldest first."""
    return [PolicyChange(*row) for row in _SQL.rows(conn, "unpublished_policies")]


def number_policy(conn: Connection, version: int, entry_index: int) -> None:
    """Note the ledger's entry."""
    _SQL.run(conn, "number_policy", version=version, entry_index=entry_index)


def watch(conn: Connection, verifier_key: str, at: datetime) -> None:
    """Begin to watch a witness; one that is watched stays as it is."""
    _SQL.run(conn, "watch", verifier_key=verifier_key, at=at)


def standings(conn: Connection, verifier_keys: Iterable[str]) -> dict[str, Standing]:
    """Where witnesses stand, by key."""
    rows = _SQL.rows(conn, "standings", verifier_keys=list(verifier_keys))
    return {row[0]: Standing(*row[1:]) for row in rows}


def keep_cosignature(conn: Connection, size: int, verifier_key: str, line: str, said_at: datetime) -> None:
    """Keep a line that was checked; ``said_at`` is the time in it."""
    _SQL.run(conn, "keep_cosignature", size=size, verifier_key=verifier_key, line=line, at=said_at)


def note_cosigned(conn: Connection, verifier_key: str, size: int, at: datetime) -> None:
    """A witness has cosigned a size; ``at`` is our time."""
    _SQL.run(conn, "note_cosigned", verifier_key=verifier_key, size=size, at=at)


def note_trouble(conn: Connection, verifier_key: str, trouble: str, at: datetime) -> None:
    """A witness gave no cosignature, and why."""
    _SQL.run(conn, "note_trouble", verifier_key=verifier_key, trouble=trouble, at=at)


def note_size(conn: Connection, verifier_key: str, size: int) -> None:
    """A witness says what it has cosigned last."""
    _SQL.run(conn, "note_size", verifier_key=verifier_key, size=size)


def cosignatures(conn: Connection, size: int) -> list[tuple[str, str]]:
    """Key and line of each cosignature of a size."""
    return [(row[0], row[1]) for row in _SQL.rows(conn, "cosignatures", size=size)]


def meet_quorum(conn: Connection, size: int, version: int, at: datetime) -> None:
    """The quorum of a policy has cosigned a size."""
    _SQL.run(conn, "meet_quorum", size=size, version=version, at=at)


def newest_quorum(conn: Connection) -> tuple[int, datetime] | None:
    """The largest size that a quorum has cosigned, and when it was met last."""
    row = _SQL.row(conn, "newest_quorum")
    return (row[0], row[1]) if row else None


def first_quorum_from(conn: Connection, size: int) -> int | None:
    """The smallest size from ``size`` on that a quorum has cosigned."""
    row = _SQL.row(conn, "first_quorum_from", size=size)
    return int(row[0]) if row else None


def keep_conflict(
    conn: Connection, reported_by: str, what: Contradiction, size: int, ours: bytes, theirs: bytes, at: datetime
) -> int | None:
    """Keep a contradiction; its number, or none where it is kept already."""
    row = _SQL.row(
        conn,
        "keep_conflict",
        at=at,
        reported_by=reported_by,
        what=what.value,
        tree_size=size,
        ours=ours,
        theirs=theirs,
        fingerprint=sha256(what.encode() + b"\0" + theirs),
        most=CONFLICTS_MOST,
    )
    return int(row[0]) if row else None


def conflicts(conn: Connection, limit: int) -> list[Conflict]:
    """Contradictions, newest first."""
    return [_conflict(row) for row in _SQL.rows(conn, "conflicts", limit=limit)]


def count_conflicts(conn: Connection) -> int:
    """How many there are."""
    return int(_SQL.value(conn, "count_conflicts"))


def unpublished_conflicts(conn: Connection) -> list[Conflict]:
    """Contradictions without an entry in the ledger, oldest first."""
    return [_conflict(row) for row in _SQL.rows(conn, "unpublished_conflicts")]


def number_conflict(conn: Connection, conflict_id: int, entry_index: int) -> None:
    """Note the ledger's entry."""
    _SQL.run(conn, "number_conflict", conflict_id=conflict_id, entry_index=entry_index)


def _conflict(row: Row) -> Conflict:
    number, found_at, reported_by, what, size, ours, theirs, entry = row
    return Conflict(
        conflict_id=number,
        found_at=found_at,
        reported_by=reported_by,
        what=Contradiction(what),
        tree_size=size,
        ours=ours,
        theirs=theirs,
        entry_index=entry,
    )
