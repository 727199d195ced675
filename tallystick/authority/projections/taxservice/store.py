"""The SQL of the queue: how far the fold is, items and receipts, and how the service stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from tallystick.authority.ledger.binary import ArrayParameter, int4_array, int8_array, moment_array, text_array
from tallystick.authority.projections.taxservice.breaker import Breaker
from tallystick.authority.projections.taxservice.kinds import KIND_OF_TYPE, DocumentKind, kind_of, types_of
from tallystick.authority.projections.taxservice.values import Claimed, DeadLetter, OwnDocument, State
from tallystick.authority.room_queries import Connection, RoomQueries, Row

SQL = RoomQueries(__package__)
_EVERYBODY = "*"


class LedgerRow(NamedTuple):
    """A document's leaf with what stands beside it; what lacks is None."""

    log_index: int
    leaf: bytes
    tin: str
    record: bytes | None


class SealedRow(NamedTuple):
    """All that the tables hold of a document."""

    log_index: int
    leaf: bytes
    salt: bytes | None
    record: bytes | None
    media_type: str | None
    body: bytes | None


class NewItem(NamedTuple):
    """A row to insert."""

    log_index: int
    document_type: int
    tin: str
    booked_ms: int
    """Unix milliseconds."""


class Moved(NamedTuple):
    """An item that left a state: its type, the state that it left, when it was booked, and when that happened."""

    document_type: int
    before: State
    booked_at: datetime
    at: datetime


@contextmanager
def acting(conn: Connection, taxpayers: Collection[str] | None) -> Iterator[None]:
    """A transaction for whoever acts for these taxpayers, None for an officer: row security shows no others."""
    with conn.transaction():
        SQL.row(conn, "act_for", taxpayers=[_EVERYBODY] if taxpayers is None else list(taxpayers))
        yield


def acked_size(conn: Connection) -> int:
    """How many entries are behind the ledger's gate."""
    return int(SQL.value(conn, "acked_size"))


def hold_position(conn: Connection) -> int:
    """Up to which entry the fold has come, held until the transaction ends."""
    return int(SQL.value(conn, "hold_position"))


def position(conn: Connection) -> int:
    """The same, not held."""
    return int(SQL.value(conn, "position"))


def move_position(conn: Connection, position: int) -> None:
    """The fold has come so far."""
    SQL.run(conn, "move_position", position=position)


def span(conn: Connection, first: int, last: int) -> list[LedgerRow]:
    """The documents of a span of the ledger."""
    return [LedgerRow._make(row) for row in SQL.rows_in_binary(conn, "span", first=first, last=last)]


def receipts_between(conn: Connection, first: int, last: int) -> dict[int, datetime]:
    """When the service accepted what of a span it has."""
    return dict(SQL.rows(conn, "receipts_between", first=first, last=last))


def add_items(conn: Connection, items: Sequence[NewItem]) -> None:
    """New documents in the queue."""
    SQL.run(
        conn,
        "add_items",
        indexes=ArrayParameter(int8_array([one.log_index for one in items])),
        types=ArrayParameter(int4_array([one.document_type for one in items])),
        tins=ArrayParameter(text_array([one.tin for one in items])),
        booked=ArrayParameter(moment_array([one.booked_ms for one in items])),
    )


def hold_standing(conn: Connection) -> Breaker:
    """How the service stands, held until the transaction ends."""
    return _breaker(SQL.row(conn, "hold_standing"))


def standing(conn: Connection) -> Breaker:
    """The same, not held."""
    return _breaker(SQL.row(conn, "standing"))


def _breaker(row: Row | None) -> Breaker:
    assert row is not None
    failures, open_since, probe_at, trouble, answered_at = row
    return Breaker(
        failures=failures, open_since=open_since, probe_at=probe_at, trouble=trouble, answered_at=answered_at
    )


def put_standing(conn: Connection, breaker: Breaker) -> None:
    """Keep how the service stands."""
    SQL.run(
        conn,
        "put_standing",
        failures=breaker.failures,
        open_since=breaker.open_since,
        probe_at=breaker.probe_at,
        trouble=breaker.trouble,
        answered_at=breaker.answered_at,
    )


def claim(conn: Connection, at: datetime, until: datetime, limit: int) -> list[Claimed]:
    """Note the oldest due items as sent, until a moment at which nobody can still be at it; in the ledger's order."""
    rows = SQL.rows(conn, "claim", at=at, until=until, limit=limit)
    return [
        Claimed(
            log_index=log_index,
            before=State(before),
            document_type=document_type,
            booked_at=booked_at,
            attempt=attempt,
            tries=tries,
            resends=resends,
        )
        for log_index, before, document_type, booked_at, attempt, tries, resends in sorted(rows)
    ]


def documents(conn: Connection, indexes: Sequence[int]) -> dict[int, SealedRow]:
    """What the ledger's tables hold of these entries."""
    rows = SQL.rows(conn, "documents", indexes=list(indexes))
    return {row[0]: SealedRow(*row) for row in rows}


def accept(conn: Connection, said: Sequence[tuple[int, datetime, bool, str]]) -> list[Moved]:
    """Turn items into receipts: entry, when, whether the service had it before, its receipt.

    True whichever sending the answer is of; an item that is a receipt already is passed over.
    """
    indexes, ats, again, receipts = (list(column) for column in zip(*said, strict=True))
    rows = SQL.rows(conn, "accept", indexes=indexes, ats=ats, again=again, receipts=receipts)
    return [Moved(document_type, State(state), booked_at, at) for document_type, state, booked_at, at in rows]


def decide(
    conn: Connection,
    item: Claimed,
    state: State,
    at: datetime,
    *,
    tries: int,
    next_at: datetime | None,
    code: str,
    reason: str,
) -> bool:
    """What became of this sending; false when another sending of the item has begun since."""
    return bool(
        SQL.run(
            conn,
            "decide",
            log_index=item.log_index,
            attempt=item.attempt,
            state=state.value,
            tries=tries,
            next_at=next_at,
            at=at,
            code=code,
            reason=reason,
        )
    )


def resend(
    conn: Connection, at: datetime, *, log_index: int | None, kind: DocumentKind | None, limit: int
) -> list[tuple[int, Moved, str]]:
    """Put dead letters back into the queue: their entries, what they were, their TINs."""
    rows = SQL.rows(conn, "resend", at=at, log_index=log_index, limit=limit, **_types(kind))
    return [(row[0], Moved(row[2], State(row[1]), row[3], at), row[4]) for row in rows]


def _types(kind: DocumentKind | None) -> Mapping[str, object]:
    """`OTHER` are the types that stand in no row of the table."""
    if kind is DocumentKind.OTHER:
        return {"types": None, "but": list(KIND_OF_TYPE)}
    return {"types": None if kind is None else list(types_of(kind)), "but": []}


def dead(conn: Connection, *, kind: DocumentKind | None, after: int, limit: int) -> list[DeadLetter]:
    """Dead letters behind an entry, in the order of the ledger."""
    rows = SQL.rows(conn, "dead", after=after, limit=limit, **_types(kind))
    return [
        DeadLetter(
            log_index=log_index,
            kind=kind_of(document_type),
            tin=tin,
            state=State(state),
            booked_at=booked_at,
            decided_at=decided_at,
            tries=tries,
            code=code,
            reason=reason,
        )
        for log_index, document_type, tin, state, booked_at, decided_at, tries, code, reason in rows
    ]


def own_since(conn: Connection, device: tuple[str, str], after: int, limit: int) -> list[OwnDocument]:
    """A device's documents behind a number of its sequence."""
    requested_by, signed_by = device
    rows = SQL.rows(conn, "own_since", requested_by=requested_by, signed_by=signed_by, after=after, limit=limit)
    return [_own(row) for row in rows]


def own_by_number(conn: Connection, device: tuple[str, str], ordinal: int) -> OwnDocument | None:
    """The document of a number."""
    requested_by, signed_by = device
    row = SQL.row(conn, "own_by_number", requested_by=requested_by, signed_by=signed_by, ordinal=ordinal)
    return None if row is None else _own(row)


def _own(row: Row) -> OwnDocument:
    """An entry that the fold has not come to yet waits, too."""
    sequence, log_index, ordinal, state, decided_at, code, reason, accepted_at, receipt = row
    if accepted_at is not None:
        state, decided_at, code, reason = State.ACCEPTED, accepted_at, "", receipt
    return OwnDocument(
        sequence=sequence,
        ordinal=ordinal,
        log_index=log_index,
        state=State(state or State.WAITING),
        at=decided_at,
        code=code or "",
        reason=reason or "",
    )


def next_booked_at(conn: Connection) -> datetime | None:
    """When the document was booked that will be sent next."""
    row = SQL.row(conn, "next_booked_at")
    return None if row is None else row[0]
