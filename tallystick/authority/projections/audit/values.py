"""Audit requests and what is decided about them, as values. Amounts are in ten-thousandths, ranges inclusive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import attrs

from tallystick.kernel.fixed_point import Money
from tallystick.wire.ordinal_ranges import Ranges

__all__ = [
    "AuditFacts",
    "AuditOverview",
    "AuditRequest",
    "Contradiction",
    "Decision",
    "Execution",
    "Incomplete",
    "IntendedProof",
    "MissingOrdinals",
    "OpenAudit",
    "Prove",
    "Ranges",
    "RequestState",
    "UsedOverride",
    "Wait",
]


class RequestState(StrEnum):
    """Where an audit request stands."""

    WAITING = "waiting"
    INCOMPLETE = "incomplete"
    CONTRADICTS = "contradicts"
    PROVEN = "proven"
    SUPERSEDED = "superseded"
    ENDED = "ended"


@attrs.frozen(slots=True, kw_only=True)
class AuditRequest:
    """One Start Audit of a card, as its request says: everything up to ``total_counter`` is to be proven.

    ``unaudited`` is the card's sum at the start, ``proven_counter`` its counter at the start that was proven last.
    """

    request_id: int
    uid: str
    audit_sequence: int
    nonce: bytes
    total_counter: int
    proven_counter: int
    unaudited: Money
    limit: Money
    received_at: datetime


@attrs.frozen(slots=True)
class UsedOverride:
    """Two officers' word on which a proof rests (S2-104): who, why, for which ordinals, with which turnover."""

    asked_by: str
    approved_by: str
    reason: str
    approved_at: datetime
    excused: Ranges
    presumed: Money


@attrs.frozen(slots=True)
class AuditFacts:
    """What the authority holds of a card when it decides.

    ``missing`` are ordinals that two officers have not excused. ``last_arrival`` is the newest among the documents that
    the audit covers, those after the last proof and up to the start; ``acknowledged`` whether all of them are behind
    the gate. ``held`` adds up their turnover, ``contradictions`` counts how often sums of the taxpayer's cards did not
    agree before; both are asked only when they decide. ``override`` is what two officers said instead of documents
    that lack still; its ``presumed`` is the turnover of those that lack (S2-104).
    """

    request: AuditRequest
    missing: Ranges
    last_arrival: datetime | None
    acknowledged: bool
    held: Callable[[], Money]
    contradictions: Callable[[], int] = lambda: 0
    override: UsedOverride | None = None


@attrs.frozen(slots=True)
class Prove:
    """Give a proof that releases this sum, with a new limit or the old one."""

    released: Money
    new_limit: Money | None = None


@attrs.frozen(slots=True)
class Wait:
    """Look again at that moment."""

    until: datetime


@attrs.frozen(slots=True)
class Incomplete:
    """Ordinals are missing; look again at that moment (TS-1406)."""

    missing: Ranges
    again: datetime


@attrs.frozen(slots=True)
class Contradiction:
    """The card's sum is not that of its documents: an officer's matter (TS-1405)."""

    held: Money


Decision = Prove | Wait | Incomplete | Contradiction


@attrs.frozen(slots=True, kw_only=True)
class IntendedProof:
    """A proof as it was intended: everything that follows is computed from this, so it can be done again."""

    request_id: int
    uid: str
    command_id: UUID
    message: bytes
    intended_at: datetime
    audit_sequence: int
    total_counter: int
    released: Money
    override: UsedOverride | None


@attrs.frozen(slots=True)
class Execution:
    """A proof that its card reported as executed."""

    request_id: int
    uid: str
    message: bytes
    reported_at: datetime
    audit_sequence: int
    total_counter: int


@attrs.frozen(slots=True, kw_only=True)
class AuditOverview:
    """Counts for the operator's page."""

    open_cycles: int
    ended_cycles: int
    waiting: int
    incomplete: int
    contradicting: int
    proofs: int
    executed: int
    overrides_pending: int


@attrs.frozen(slots=True)
class MissingOrdinals:
    """A card whose proof waits for documents (K-13)."""

    uid: str
    missing: Ranges
    since: datetime


@attrs.frozen(slots=True, kw_only=True)
class OpenAudit:
    """An audit that is not at its end. ``held`` is what the documents add up to where the card's sum contradicts;
    ``gone`` is what the device says it no longer has, ``since`` when its cycle began."""

    uid: str
    state: RequestState
    code: str
    total_counter: int
    unaudited: Money
    held: Money | None
    missing: Ranges
    gone: Ranges
    received_at: datetime
    since: datetime | None
