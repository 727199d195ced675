"""From faults to the one number that Submit Audit Package answers, and to what is done with the package.

An internal doubt is always 1: a wrong other number strands a package on its device for ever (S2-085).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault


class AuditStatus(IntEnum):
    """Answers of Submit Audit Package (TaxCore wire, 6.6). 4 means delete, 1 send again, all others keep."""

    NOT_OPENED = 0
    NOT_STORED = 1
    SIGNATURE_INVALID = 2
    INTERNAL_DATA_WRONG = 3
    VERIFIED = 4
    TAX_GROUP_UNKNOWN = 5
    CERTIFICATE_REVOKED = 6
    CERTIFICATE_NOT_ISSUED = 8
    MRC_MALFORMED = 24
    TIME_NOT_SIGNED = 67
    REFERENCE_TIME_WRONG = 68
    LABEL_MISSING = 69
    CATEGORY_MISSING = 70
    PAYMENT_MISSING = 71
    IDENTITY_WRONG = 72
    TIME_IN_FUTURE = 73
    REFERENCE_AFTER_INVOICE = 74
    TIME_TOO_OLD = 75
    REFERENCE_TOO_OLD = 76
    URL_MISSING = 78


WIRE_ORDER = tuple(
    AuditStatus(number) for number in (0, 8, 2, 6, 72, 78, 24, 71, 3, 5, 69, 70, 67, 73, 75, 68, 74, 76, 4)
)
"""Order of checks on the wire: where a package has several faults, the first of this order is answered."""

_RANK = {status: rank for rank, status in enumerate(WIRE_ORDER)}

UNIFORM = frozenset({AuditStatus.CERTIFICATE_NOT_ISSUED, AuditStatus.SIGNATURE_INVALID})
"""Answered as 0 when the signer belongs to another taxpayer than the sender (K-11)."""


class Outcome(StrEnum):
    """What is done with a package that has a fault."""

    RAISED = "raised"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    FLAGGED = "flagged"
    DOUBT = "doubt"


_REFUSED = frozenset({"TS-1202", "TS-1108", "TS-1310", "TS-1311", "TS-1312"})
_QUARANTINED = frozenset(
    {"TS-1104", "TS-1213", "TS-1220", "TS-1313", "TS-1316", "TS-2401", "TS-2402", "TS-2406", "TS-2407"}
)
_RAISED = frozenset({"TS-1002", "TS-1003", "TS-1006", "TS-1204"})


def status_of(fault: Fault) -> AuditStatus:
    """The number of a fault: its own, else the catalogue's; a code that this channel does not know is our doubt."""
    kind = CATALOGUE.get(fault.code)
    number = fault.audit_status
    if number is None and kind is not None:
        number = kind.audit_status
    return AuditStatus.NOT_STORED if number is None else AuditStatus(number)


def outcome_of(fault: Fault) -> Outcome:
    """What is done: only a package that nobody can show to be lawfully signed is refused, the others are kept."""
    if fault.code in _RAISED or fault.code.startswith("TS-50"):
        return Outcome.RAISED
    if status_of(fault) is AuditStatus.NOT_STORED:
        return Outcome.DOUBT
    if fault.code in _REFUSED:
        return Outcome.REFUSED
    return Outcome.QUARANTINED if fault.code in _QUARANTINED else Outcome.FLAGGED


def first_on_the_wire(statuses: list[AuditStatus]) -> AuditStatus:
    """The number to answer for several faults; 4 for none."""
    return min(statuses, key=_RANK.__getitem__, default=AuditStatus.VERIFIED)
