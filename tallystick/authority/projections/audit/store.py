"""The only SQL of the audit room: requests, cycles, proofs, and three questions to the ledger by key."""

from __future__ import annotations

from datetime import datetime
from itertools import chain
from uuid import UUID

from tallystick.authority.projections.audit.values import (
    AuditOverview,
    AuditRequest,
    Execution,
    IntendedProof,
    MissingOrdinals,
    OpenAudit,
    Ranges,
    RequestState,
    UsedOverride,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.fixed_point import Money
from tallystick.wire.card import ArpContent

_SQL = RoomQueries("tallystick.authority.projections.audit")


def counted_by(conn: Connection, uid: str, ordinal: int) -> datetime | None:
    """When a request first said that a card's counter had reached an ordinal; none when never."""
    moment: datetime | None = _SQL.value(conn, "counted_by", uid=uid, ordinal=ordinal)
    return moment


def lock_card(conn: Connection, uid: str) -> None:
    """One change at a time for a card, until the transaction ends."""
    _SQL.row(conn, "lock_card", uid=uid)


def newest_sequence(conn: Connection, uid: str) -> int:
    """The newest start known of a card; -1 for none."""
    row = _SQL.row(conn, "newest_sequence", uid=uid)
    return row[0] if row else -1


def add_request(
    conn: Connection, content: ArpContent, sum: Money, limit: Money, at: datetime, state: RequestState, code: str
) -> int | None:
    """Keep a request; none when this very request is there already."""
    row = _SQL.row(
        conn,
        "add_request",
        uid=content.uid,
        audit_sequence=content.audit_sequence,
        nonce=content.nonce,
        total_counter=content.total_counter,
        proven_counter=content.proven_counter,
        unaudited=content.unaudited.scaled,
        card_limit=content.limit.scaled,
        stated_sum=sum.scaled,
        stated_limit=limit.scaled,
        received_at=at,
        state=state.value,
        due_at=at if state is RequestState.WAITING else None,
        code=code,
    )
    return row[0] if row else None


def supersede_older(conn: Connection, uid: str, audit_sequence: int, request_id: int) -> None:
    """A newer start takes the place of all older ones that are not at their end."""
    _SQL.run(conn, "supersede_older", uid=uid, audit_sequence=audit_sequence, request_id=request_id)


def open_cycle(conn: Connection, uid: str, at: datetime) -> None:
    """Begin a cycle, or count another start in the one that runs."""
    _SQL.run(conn, "open_cycle", uid=uid, at=at)


def end_cycle(conn: Connection, uid: str, request_id: int, at: datetime) -> None:
    """End the running cycle."""
    _SQL.run(conn, "end_cycle", uid=uid, request_id=request_id, at=at)


def due_requests(conn: Connection, now: datetime, limit: int) -> list[AuditRequest]:
    """Requests to look at now, locked until the transaction ends; those that another worker holds are left out."""
    return [read_request(row) for row in _SQL.rows(conn, "due_requests", now=now, limit=limit)]


def read_request(row: Row) -> AuditRequest:
    """A request from its nine columns, in the order in which every query names them."""
    request_id, uid, sequence, nonce, total, proven, unaudited, card_limit, received_at = row
    return AuditRequest(
        request_id=request_id,
        uid=uid,
        audit_sequence=sequence,
        nonce=nonce,
        total_counter=total,
        proven_counter=proven,
        unaudited=Money(unaudited),
        limit=Money(card_limit),
        received_at=received_at,
    )


def decide_request(
    conn: Connection,
    request_id: int,
    state: RequestState,
    due_at: datetime | None,
    missing: Ranges = (),
    code: str = "",
    *,
    now: datetime,
    held: Money | None = None,
) -> None:
    """Write down what was decided and when to look again; ``held`` is what the documents add up to, if not that."""
    _SQL.run(
        conn,
        "decide_request",
        request_id=request_id,
        state=state.value,
        due_at=due_at,
        missing=list(chain.from_iterable(missing)),
        code=code,
        now=now,
        held=held.scaled if held is not None else None,
    )


def rest_on(conn: Connection, request_id: int, override: UsedOverride) -> None:
    """Note with the request on whose word its proof rests."""
    _SQL.run(
        conn,
        "rest_on_override",
        request_id=request_id,
        reason=override.reason,
        first=override.asked_by,
        second=override.approved_by,
        at=override.approved_at,
        excused=list(chain.from_iterable(override.excused)),
        presumed=override.presumed.scaled,
    )


def note_gone(conn: Connection, content: ArpContent, gone: Ranges) -> None:
    """What the device says it no longer has."""
    _SQL.run(
        conn,
        "note_gone",
        uid=content.uid,
        audit_sequence=content.audit_sequence,
        nonce=content.nonce,
        gone=list(chain.from_iterable(gone)),
    )


def contradictions(conn: Connection, uid: str) -> int:
    """How many audits of the taxpayer's cards, past ones included, had a sum that was not that of the documents."""
    return int(_SQL.value(conn, "contradictions", uid=uid))


def intend_proof(conn: Connection, request: AuditRequest, command_id: UUID, message: bytes, at: datetime) -> None:
    """Write the intent down; the first one stands."""
    _SQL.run(
        conn,
        "intend_proof",
        request_id=request.request_id,
        uid=request.uid,
        command_id=command_id,
        message=message,
        at=at,
    )


def unissued_proofs(conn: Connection, limit: int) -> list[IntendedProof]:
    """Intents that are not carried out, locked until the transaction ends."""
    return [
        IntendedProof(
            request_id=request_id,
            uid=uid,
            command_id=command_id,
            message=message,
            intended_at=intended_at,
            audit_sequence=sequence,
            total_counter=total,
            released=Money(unaudited),
            override=_used(*rest) if rest[1] is not None else None,
        )
        for request_id, uid, command_id, message, intended_at, sequence, total, unaudited, *rest in _SQL.rows(
            conn, "unissued_proofs", limit=limit
        )
    ]


def _used(first: str, second: str, reason: str, at: datetime, excused: list[int], presumed: int) -> UsedOverride:
    return UsedOverride(first, second, reason, at, _ranges(excused), Money(presumed))


def issue_proof(conn: Connection, request_id: int, poa: bytes, issued_index: int) -> None:
    """The proof is signed and its entry is in the ledger."""
    _SQL.run(conn, "issue_proof", request_id=request_id, poa=poa, issued_index=issued_index)


def report_proof(conn: Connection, command_id: UUID, success: bool, at: datetime) -> tuple[int, str] | None:
    """Take a card's result; request and UID, or none when it was no proof or had been executed before."""
    row = _SQL.row(conn, "report_proof", command_id=command_id, success=success, at=at)
    return (row[0], row[1]) if row else None


def end_request(conn: Connection, request_id: int) -> int:
    """The card has executed the proof; the start's sequence number."""
    return int(_SQL.value(conn, "end_request", request_id=request_id))


def newer_open(conn: Connection, uid: str, audit_sequence: int) -> datetime | None:
    """When a newer start that is still open was received."""
    row = _SQL.row(conn, "newer_open", uid=uid, audit_sequence=audit_sequence)
    return row[0] if row else None


def unentered_executions(conn: Connection, limit: int) -> list[Execution]:
    """Executed proofs whose entry is not in the ledger yet, locked until the transaction ends."""
    return [Execution(*row[:6]) for row in _SQL.rows(conn, "unentered_executions", limit=limit)]


def enter_execution(conn: Connection, request_id: int, executed_index: int) -> None:
    """Note the ledger's entry of an execution."""
    _SQL.run(conn, "enter_execution", request_id=request_id, executed_index=executed_index)


def last_arrival(conn: Connection, uid: str, first: int, last: int) -> tuple[int, int | None] | None:
    """Of a card's documents from one ordinal to another, the one that arrived last: its index, its arrival in ms.

    No arrival for a document that the law had erased.
    """
    row = _SQL.row(conn, "last_arrival", uid=uid, first=first, last=last)
    return (row[0], row[1]) if row else None


def turnover(conn: Connection, uid: str, first: int, last: int) -> int:
    """Turnover of a card's booked documents from one ordinal to another, refunds counted up as well."""
    return int(_SQL.value(conn, "turnover", uid=uid, first=first, last=last))


def turnover_of(conn: Connection, uid: str, ranges: Ranges) -> int:
    """The same of a card's booked documents in several ranges of ordinals."""
    firsts, lasts = [first for first, _ in ranges], [last for _, last in ranges]
    return int(_SQL.value(conn, "turnover_of", uid=uid, firsts=firsts, lasts=lasts))


def overview(conn: Connection, now: datetime) -> AuditOverview:
    """Counts."""
    row = _SQL.row(conn, "overview", now=now)
    assert row is not None
    open_cycles, ended_cycles, waiting, incomplete, contradicting, proofs, executed, overrides_pending = row
    return AuditOverview(
        open_cycles=open_cycles,
        ended_cycles=ended_cycles,
        waiting=waiting,
        incomplete=incomplete,
        contradicting=contradicting,
        proofs=proofs,
        executed=executed,
        overrides_pending=overrides_pending,
    )


def missing_by_card(conn: Connection, limit: int) -> list[MissingOrdinals]:
    """Cards whose proof waits for documents, the longest waiting first."""
    return [
        MissingOrdinals(uid, _ranges(flat), since)
        for uid, flat, since in _SQL.rows(conn, "missing_by_card", limit=limit)
    ]


def state_of_card(conn: Connection, uid: str) -> tuple[RequestState, str, Ranges, datetime] | None:
    """State, code, missing ordinals and arrival of a card's newest request."""
    row = _SQL.row(conn, "state_of_card", uid=uid)
    return (RequestState(row[0]), row[1], _ranges(row[2]), row[3]) if row else None


def audited_up_to(conn: Connection, uid: str) -> int:
    """The card's total counter at the newest start whose proof it has executed; 0 for none."""
    row = _SQL.row(conn, "audited_up_to", uid=uid)
    return int(row[0]) if row else 0


def open_audits(conn: Connection, limit: int) -> list[OpenAudit]:
    """Requests that are not at their end, those that call for an officer first, then the oldest."""
    return [
        OpenAudit(
            uid=uid,
            state=RequestState(state),
            code=code,
            total_counter=total,
            unaudited=Money(unaudited),
            held=None if held is None else Money(held),
            missing=_ranges(missing),
            gone=_ranges(gone),
            received_at=received_at,
            since=since,
        )
        for uid, state, code, total, unaudited, held, missing, gone, received_at, since in _SQL.rows(
            conn, "open_audits", limit=limit
        )
    ]


def _ranges(flat: list[int]) -> Ranges:
    return tuple(zip(flat[::2], flat[1::2], strict=True))
