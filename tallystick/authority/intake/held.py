"""What lies in quarantine, as values: what officers see, and what they decide about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs


class HeldState(StrEnum):
    """Where a document that was kept apart stands."""

    RECEIVED = "received"
    READMITTED = "readmitted"
    REJECTED = "rejected"


class Decision(StrEnum):
    """What officers may decide."""

    READMIT = "readmit"
    REJECT = "reject"

    @property
    def state(self) -> HeldState:
        """What a document is after it."""
        return HeldState.READMITTED if self is Decision.READMIT else HeldState.REJECTED


@attrs.frozen(slots=True, kw_only=True)
class Held:
    """One document; ``entry_index`` is the ledger's entry of its arrival, ``document_index`` that of its booking.

    ``turnover`` is in ten-thousandths, ``hindrance`` why an approved re-admission was not carried out last.
    """

    act_hash: bytes
    body_hash: bytes
    file_hash: bytes
    body: bytes
    requested_by: str
    signed_by: str
    ordinal: int
    tin: str
    turnover: int
    codes: tuple[str, ...]
    verdict: int
    received_at: datetime
    entry_index: int | None
    state: HeldState
    decided_at: datetime | None
    decided_by: str | None
    request_id: int | None
    document_index: int | None
    hindrance: str

    @property
    def number(self) -> str:
        """The SDC invoice number."""
        return f"{self.requested_by}-{self.signed_by}-{self.ordinal}"


@attrs.frozen(slots=True)
class UnpublishedDecision:
    """A decision that has no entry in the ledger yet, with what its entry says."""

    act_hash: bytes
    body: bytes
    decided_at: datetime
    requested_by: str
    signed_by: str
    ordinal: int
    tin: str
