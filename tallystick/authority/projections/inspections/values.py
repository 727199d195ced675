"""Cases and evidence as values, and the three detectors with the kinds of matters that are theirs alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs


class DetectorName(StrEnum):
    """The three detectors of S0-004; none asks another."""

    MANIPULATION = "D-MAN"
    DELETION = "D-DEL"
    UNDER_REPORTING = "D-UND"


class CaseKind(StrEnum):
    """What a case is about. A kind belongs to one detector; it retires, it never changes its meaning."""

    BODY_CHANGED = "body-changed"
    RECORD_CHANGED = "record-changed"
    SIGNATURE_WRONG = "signature-wrong"
    ROWS_MISSING = "rows-missing"
    NUMBERS_MISSING = "numbers-missing"
    AUDIT_INCOMPLETE = "audit-incomplete"
    DEVICE_SILENT = "device-silent"
    UNAUDITED = "unaudited"
    SEEN_BY_BUYER = "seen-by-buyer"
    JOURNAL_DIFFERS = "journal-differs"
    TAXES_DIFFER = "taxes-differ"
    CARD_SUM_DIFFERS = "card-sum-differs"
    CODE_DIFFERS = "code-differs"
    REPORT_DIFFERS = "report-differs"
    REGISTRATION_DIFFERS = "registration-differs"
    REFUNDS_HIGH = "refunds-high"
    OFFLINE_TOO_LONG = "offline-too-long"
    BATCH_APART = "batch-apart"
    HEAD_WENT_BACK = "head-went-back"
    CLOCK_CONTRADICTS = "clock-contradicts"
    REFUND_CONTRADICTS = "refund-contradicts"
    PLACE_SETTLED = "place-settled"
    SHIFT_LACKS = "shift-lacks"

    @property
    def detector(self) -> DetectorName:
        """Whose kind it is."""
        return _DETECTOR_OF[self]


_KINDS = {
    DetectorName.MANIPULATION: (CaseKind.BODY_CHANGED, CaseKind.RECORD_CHANGED, CaseKind.SIGNATURE_WRONG),
    DetectorName.DELETION: (CaseKind.ROWS_MISSING, CaseKind.NUMBERS_MISSING, CaseKind.AUDIT_INCOMPLETE),
    DetectorName.UNDER_REPORTING: (
        CaseKind.DEVICE_SILENT,
        CaseKind.UNAUDITED,
        CaseKind.SEEN_BY_BUYER,
        CaseKind.JOURNAL_DIFFERS,
        CaseKind.TAXES_DIFFER,
        CaseKind.CARD_SUM_DIFFERS,
        CaseKind.CODE_DIFFERS,
        CaseKind.REPORT_DIFFERS,
        CaseKind.REGISTRATION_DIFFERS,
        CaseKind.REFUNDS_HIGH,
        CaseKind.OFFLINE_TOO_LONG,
        CaseKind.BATCH_APART,
        CaseKind.HEAD_WENT_BACK,
        CaseKind.CLOCK_CONTRADICTS,
        CaseKind.REFUND_CONTRADICTS,
        CaseKind.PLACE_SETTLED,
        CaseKind.SHIFT_LACKS,
    ),
}
_DETECTOR_OF = {kind: detector for detector, kinds in _KINDS.items() for kind in kinds}


class CaseState(StrEnum):
    """Where a case stands: somebody should look, what was seen is gone again, or an officer has closed it."""

    OPEN = "open"
    VANISHED = "vanished"
    CLOSED = "closed"


@attrs.frozen(slots=True, kw_only=True)
class Evidence:
    """One thing that was seen. ``matter`` says whose case it goes to: a device, an entry, a taxpayer; ``item`` tells
    it from the rest there. ``amount`` is what is at stake (x 10000), 0 where that is not known. Never personal data.
    """

    kind: CaseKind
    matter: str
    item: str
    tin: str = ""
    device: str = ""
    amount: int = 0
    facts: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(slots=True, kw_only=True)
class Seen:
    """Evidence in a case: when it was seen first, and when it was gone."""

    seen_id: int
    evidence: Evidence
    seen_at: datetime
    gone_at: datetime | None


@attrs.frozen(slots=True, kw_only=True)
class Case:
    """One matter. ``amount`` adds up what is there still (x 10000), ``items`` counts it."""

    case_id: int
    kind: CaseKind
    matter: str
    tin: str
    device: str
    state: CaseState
    opened_at: datetime
    last_seen_at: datetime
    amount: int
    items: int
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None

    @property
    def detector(self) -> DetectorName:
        """Who opened it."""
        return self.kind.detector


@attrs.frozen(slots=True, kw_only=True)
class Sighting:
    """A buyer showed a code whose signature is good, for a document that the ledger has not, or has otherwise."""

    act_hash: bytes
    requested_by: str
    signed_by: str
    ordinal: int
    tin: str
    amount: int
    issued_at: datetime
    at_once: bool = False
    """Whether there is nothing to wait for: the device reports before it prints."""
    differs: str = ""
    """What the code says otherwise than the document of ``booked_act``; then ``act_hash`` is the hash of the code."""
    booked_act: bytes = b""
