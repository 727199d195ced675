"""What the queue knows, as values. Times are aware."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum

import attrs

from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.wire.tax_service import TaxDocument


class State(StrEnum):
    """What has become of a document on its way to the tax service."""

    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    GIVEN_UP = "given-up"
    RESENT = "resent"

    @property
    def is_dead(self) -> bool:
        """Whether only a person's word sends it again."""
        return self in (State.REJECTED, State.GIVEN_UP)


@attrs.frozen(slots=True, kw_only=True)
class Claimed:
    """An item noted as sent. ``attempt`` tells this sending from a later one of the same item."""

    log_index: int
    before: State
    document_type: int
    booked_at: datetime
    attempt: int
    tries: int
    resends: int


@attrs.frozen(slots=True)
class Outgoing:
    """A claimed item with the document to send; ``wrong`` says why there is none."""

    item: Claimed
    document: TaxDocument | None
    wrong: str = ""


@attrs.frozen(slots=True)
class Accepted:
    """The service has it; ``again`` when it had it before."""

    receipt: str
    again: bool = False


@attrs.frozen(slots=True)
class Rejected:
    """The service will not have it."""

    code: str
    reason: str


@attrs.frozen(slots=True)
class Unsendable:
    """What the ledger's tables hold is not what was sealed: it does not leave the house."""

    reason: str


@attrs.frozen(slots=True)
class Trouble:
    """Whether the service has it is not known: away, too slow, or an answer that nobody can understand.

    ``is_later`` is the service's own word that it has no time; ``wait_seconds`` how long it wants to be left alone.
    """

    reason: str
    is_later: bool = False
    wait_seconds: int = 0


Outcome = Accepted | Rejected | Unsendable | Trouble


@attrs.frozen(slots=True, kw_only=True)
class DeadLetter:
    """A document that waits for a person."""

    log_index: int
    kind: DocumentKind
    tin: str
    state: State
    booked_at: datetime
    decided_at: datetime
    tries: int
    code: str
    reason: str


@attrs.frozen(slots=True, kw_only=True)
class OwnDocument:
    """One document of a device, as its server node may know it (S1-016). ``sequence`` is the cursor."""

    sequence: int
    ordinal: int
    log_index: int
    state: State
    at: datetime | None
    code: str = ""
    reason: str = ""


@attrs.frozen(slots=True)
class TypeFigures:
    """Documents of a type for people, by their state (S1-036)."""

    kind: DocumentKind
    states: Mapping[State, int]

    @property
    def documents(self) -> int:
        """All of them."""
        return sum(self.states.values())


@attrs.frozen(slots=True, kw_only=True)
class DayFigures:
    """One day by the authority's own time. Operations are documents booked that day; ``accepted`` of them took
    ``accepted_ms`` milliseconds together from being booked to the service's word.
    """

    day: date
    operations: int = 0
    registers: int = 0
    points: int = 0
    accepted: int = 0
    accepted_ms: int = 0
