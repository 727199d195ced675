"""The SQL of decisions on what is kept apart."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.intake.held import Held, HeldState, UnpublishedDecision
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_QUERIES = RoomQueries("tallystick.authority.intake")


def held(conn: Connection, act_hash: bytes) -> Held | None:
    """One document, with its body."""
    row = _QUERIES.row(conn, "held", act_hash=act_hash)
    return _held(row) if row else None


def lock_held(conn: Connection, act_hash: bytes) -> Held | None:
    """The same, held until the transaction ends."""
    row = _QUERIES.row(conn, "lock_held", act_hash=act_hash)
    return _held(row) if row else None


def waiting(conn: Connection, limit: int) -> list[Held]:
    """Documents that wait for a decision, oldest first, without their bodies."""
    return [_held(row) for row in _QUERIES.rows(conn, "waiting_held", limit=limit)]


def kept_extent(conn: Connection, signed_by: str) -> tuple[int, int | None]:
    """How much of a signer was ever kept apart: it has changed when this has."""
    row = _QUERIES.row(conn, "kept_extent", signed_by=signed_by)
    assert row is not None
    return row[0], row[1]


def kept_of(conn: Connection, signed_by: str, most: int) -> list[tuple[bytes, bytes, int, bytes, datetime]]:
    """All that was kept apart of a signer, the highest number first: act hash, body hash, number, the first ``most``
    bytes, and when it came."""
    return [
        (bytes(act_hash), bytes(body_hash), ordinal, bytes(beginning), at)
        for act_hash, body_hash, ordinal, beginning, at in _QUERIES.rows(
            conn, "kept_of", signed_by=signed_by, most=most
        )
    ]


def decided(conn: Connection, limit: int) -> list[Held]:
    """Documents that were decided upon, newest first, without their bodies."""
    return [_held(row) for row in _QUERIES.rows(conn, "decided_held", limit=limit)]


def decide(
    conn: Connection,
    act_hash: bytes,
    *,
    state: HeldState,
    by: str,
    request_id: int,
    document_index: int | None,
    decision: bytes,
    at: datetime,
) -> bool:
    """Write a decision; false where one stands already."""
    return (
        _QUERIES.run(
            conn,
            "decide",
            act_hash=act_hash,
            state=state.value,
            by=by,
            request_id=request_id,
            document_index=document_index,
            decision=decision,
            at=at,
        )
        == 1
    )


def note_hindrance(conn: Connection, act_hash: bytes, hindrance: str) -> None:
    """Say why an approved re-admission was not carried out."""
    _QUERIES.run(conn, "note_hindrance", act_hash=act_hash, hindrance=hindrance)


def unpublished(conn: Connection) -> list[UnpublishedDecision]:
    """Decisions without an entry in the ledger, oldest first."""
    return [UnpublishedDecision(*row) for row in _QUERIES.rows(conn, "unpublished_decisions")]


def number_decision(conn: Connection, act_hash: bytes, entry_index: int) -> None:
    """Note the ledger's entry."""
    _QUERIES.run(conn, "number_decision", act_hash=act_hash, entry_index=entry_index)


def _held(row: Row) -> Held:
    names = (
        "act_hash", "body_hash", "file_hash", "body", "requested_by", "signed_by", "ordinal", "tin", "turnover",
        "codes", "verdict", "received_at", "entry_index", "state", "decided_at", "decided_by", "request_id",
        "document_index", "hindrance",
    )  # fmt: skip
    values = dict(zip(names, row, strict=True))
    return Held(**(values | {"codes": tuple(values["codes"]), "state": HeldState(values["state"])}))
