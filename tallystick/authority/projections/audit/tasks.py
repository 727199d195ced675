"""The worker's part: decide about requests, carry intents out, enter executions. Everything can be repeated."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import attrs
import msgspec

from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.projections.audit import holdings, overrides, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.strategies import IssuanceStrategy
from tallystick.authority.projections.audit.values import (
    AuditRequest,
    Contradiction,
    Execution,
    Incomplete,
    IntendedProof,
    Prove,
    RequestState,
    UsedOverride,
    Wait,
)
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.wire.card import PoaMessage
from tallystick.wire.taxcore_api import CommandType

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.tallystick.proof-of-audit+json"
_BATCH = 50


class Indexed(Protocol):
    """What the ledger answers."""

    @property
    def index(self) -> int:
        """The entry's index."""


@attrs.frozen(slots=True, kw_only=True)
class ProofServices:
    """What the worker needs.

    ``sign`` makes the 256 bytes with the proof key, the same for the same message; ``append`` books an entry behind the
    gate, and answers a repeated one with the first index.
    """

    strategy: IssuanceStrategy
    apart: KeptApart
    sign: Callable[[bytes], bytes]
    append: Callable[[NewEntry], Indexed]


@attrs.frozen(slots=True)
class Done:
    """What one round of work did."""

    looked_at: int
    issued: int
    executed: int


def decide(conn: Connection, services: ProofServices, now: datetime) -> Done:
    """One round: decide what is due, issue what was intended, enter what was executed. Commits by itself.

    Costs nothing where nothing is due. What ``append`` raises goes on up; the next round takes it up again.
    """
    looked_at = _decide_due(conn, services, now)
    issued = _issue_intended(conn, services)
    return Done(looked_at, issued, _enter_executions(conn, services))


def _decide_due(conn: Connection, services: ProofServices, now: datetime) -> int:
    overrides.agreed(conn, now)
    requests = store.due_requests(conn, now, _BATCH)
    for request in requests:
        _decide_one(conn, services, request, now)
    conn.commit()
    return len(requests)


def _decide_one(conn: Connection, services: ProofServices, request: AuditRequest, now: datetime) -> None:
    facts = holdings.facts(conn, services.apart, request)
    decision = services.strategy.decide(facts, now)
    number = request.request_id
    match decision:
        case Prove(released, new_limit):
            message = PoaMessage(
                uid=request.uid,
                audit_sequence=request.audit_sequence,
                nonce=request.nonce,
                released=released,
                new_limit=new_limit,
                issued_ms=unix_ms(now),
            )
            if facts.override is not None:
                store.rest_on(conn, number, facts.override)
            store.intend_proof(conn, request, uuid4(), message.encode(), now)
            store.decide_request(conn, number, RequestState.PROVEN, None, now=now)
        case Wait(until):
            store.decide_request(conn, number, RequestState.WAITING, until, now=now)
        case Incomplete(missing, again):
            store.decide_request(conn, number, RequestState.INCOMPLETE, again, missing, "TS-1406", now=now)
        case Contradiction(held):
            store.decide_request(conn, number, RequestState.CONTRADICTS, None, code="TS-1405", now=now, held=held)
            told = {"uid": request.uid, "held": str(held), "claimed": str(request.unaudited)}
            log.error("a card's unaudited sum is not that of its documents", extra=told)


def _issue_intended(conn: Connection, services: ProofServices) -> int:
    """Sign, enter, queue, in this order: a command is never given for a proof that the ledger does not have."""
    proofs = store.unissued_proofs(conn, _BATCH)
    for proof in proofs:
        poa = services.sign(proof.message)
        booked = services.append(_issued_entry(proof, poa))
        payload = b64encode(poa).decode()
        commands.queue(conn, proof.uid, CommandType.FORWARD_PROOF_OF_AUDIT, payload, proof.command_id)
        store.issue_proof(conn, proof.request_id, poa, booked.index)
    conn.commit()
    return len(proofs)


def _enter_executions(conn: Connection, services: ProofServices) -> int:
    executions = store.unentered_executions(conn, _BATCH)
    for execution in executions:
        booked = services.append(_executed_entry(execution))
        store.enter_execution(conn, execution.request_id, booked.index)
    conn.commit()
    return len(executions)


def _issued_entry(proof: IntendedProof, poa: bytes) -> NewEntry:
    facts = {
        "auditSequence": str(proof.audit_sequence),
        "commandId": str(proof.command_id),
        "event": "issued",
        "intendedAt": str(unix_ms(proof.intended_at)),
        "override": "yes" if proof.override is not None else "no",
        "proof": sha256(poa).hex(),
        "released": str(proof.released.scaled),
        "totalCounter": str(proof.total_counter),
        "uid": proof.uid,
    }
    if proof.override is not None:
        facts |= _override_facts(proof.override)
    return _entry(facts, proof.uid, unix_ms(proof.intended_at))


def _override_facts(override: UsedOverride) -> dict[str, str]:
    """Whose word stands in the place of documents, why, and what it presumes (S2-104)."""
    return {
        "approvedAt": str(unix_ms(override.approved_at)),
        "approvedBy": override.approved_by,
        "askedBy": override.asked_by,
        "excused": ",".join(f"{first}-{last}" for first, last in override.excused),
        "presumed": str(override.presumed.scaled),
        "reason": override.reason,
    }


def _executed_entry(execution: Execution) -> NewEntry:
    facts = {
        "auditSequence": str(execution.audit_sequence),
        "event": "executed",
        "message": sha256(execution.message).hex(),
        "reportedAt": str(unix_ms(execution.reported_at)),
        "totalCounter": str(execution.total_counter),
        "uid": execution.uid,
    }
    return _entry(facts, execution.uid, unix_ms(execution.reported_at))


def _entry(facts: dict[str, str], uid: str, at_ms: int) -> NewEntry:
    """An entry of kind 0C: RFC 8785 JSON of text only, the same bytes whenever it is made again."""
    return NewEntry(
        kind=EntryKind.PROOF_OF_AUDIT,
        channel=Channel.NONE,
        body=msgspec.json.encode(facts, order="sorted"),
        media_type=MEDIA_TYPE,
        received_at_ms=at_ms,
        device=(uid, uid),
    )
