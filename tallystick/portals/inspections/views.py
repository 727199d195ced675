"""Cases on pages: thin; every rule is in the room."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

import attrs
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.projections.inspections import operations, queries
from tallystick.authority.projections.inspections.values import Case, CaseKind, CaseState, DetectorName, Seen
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.limits import LIMITS
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import CLOSE_CASES, SEE_CASES, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.shared_connection import shared_connection

CASES_SHOWN = 50
_TIN_CHARACTERS_MAX = 20
_CASE_NUMBER_MOST = 2**63 - 1
Named = TypeVar("Named", bound=StrEnum)

DETECTOR_WORDS = {
    DetectorName.MANIPULATION: "Manipulation",
    DetectorName.DELETION: "Deletion",
    DetectorName.UNDER_REPORTING: "Under-reporting",
}
KIND_WORDS = {
    CaseKind.BODY_CHANGED: "A stored document is not the one that was booked",
    CaseKind.RECORD_CHANGED: "A record is not the one that its leaf commits to",
    CaseKind.SIGNATURE_WRONG: "The signature of card or device does not cover the stored document",
    CaseKind.ROWS_MISSING: "Rows of the ledger lack",
    CaseKind.NUMBERS_MISSING: "Numbers never came, and later ones did",
    CaseKind.AUDIT_INCOMPLETE: "An audit waits for packages that never came",
    CaseKind.DEVICE_SILENT: "The device is silent in its usual hours",
    CaseKind.UNAUDITED: "Documents are unaudited for too long",
    CaseKind.SEEN_BY_BUYER: "Buyers hold receipts that the ledger has not",
    CaseKind.JOURNAL_DIFFERS: "The paper shows another total than was signed",
    CaseKind.TAXES_DIFFER: "Taxes do not follow from the items",
    CaseKind.CARD_SUM_DIFFERS: "The card's sum is not that of its documents",
    CaseKind.CODE_DIFFERS: "Papers show another amount, time or kind than was reported",
    CaseKind.REPORT_DIFFERS: "A closing report is not the sum of its documents",
    CaseKind.REGISTRATION_DIFFERS: "A register reports itself as another one than the registry has",
    CaseKind.REFUNDS_HIGH: "Much of what a shift sold was given back",
    CaseKind.OFFLINE_TOO_LONG: "A register was without contact for longer than it may",
    CaseKind.BATCH_APART: "Documents of an offline register wait apart, or nobody can show who signed them",
    CaseKind.HEAD_WENT_BACK: "A register says that it made fewer documents than it said before",
    CaseKind.CLOCK_CONTRADICTS: "Times of an offline register contradict each other, or lie ahead",
    CaseKind.REFUND_CONTRADICTS: "More was given back than the ledger bears out, or of another's document",
    CaseKind.PLACE_SETTLED: "Documents of a register are lost, and two officers settled their places",
    CaseKind.SHIFT_LACKS: "A register's report tells of documents that are lost",
}


@attrs.frozen(slots=True)
class CaseLine:
    """A case as a person reads it."""

    case: Case

    @property
    def words(self) -> str:
        """What it is about."""
        return KIND_WORDS[self.case.kind]

    @property
    def detector(self) -> str:
        """Which detector saw it."""
        return DETECTOR_WORDS[self.case.detector]

    @property
    def amount(self) -> str:
        """What is at stake, where that is known."""
        return str(Money(self.case.amount).rounded(2)) if self.case.amount else ""

    @property
    def open(self) -> bool:
        """Whether somebody should look."""
        return self.case.state is CaseState.OPEN


@attrs.frozen(slots=True)
class SeenLine:
    """Evidence as a person reads it."""

    seen: Seen

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was seen, in words; hashes are for programs."""
        return [(name, value) for name, value in sorted(self.seen.evidence.facts.items()) if name != "act"]


@require_GET
@only_who_may(SEE_CASES)
def cases(request: HttpRequest) -> HttpResponse:
    """Cases that fit, newest first, fifty a page."""
    state = request.GET.get("state", CaseState.OPEN)
    detector = _named(DetectorName, request.GET.get("detector", ""))
    tin = "".join(one for one in request.GET.get("tin", "") if one.isprintable()).strip()[:_TIN_CHARACTERS_MAX]
    before = request.GET.get("before", "")
    found = queries.cases(
        shared_connection(),
        state=_named(CaseState, state),
        detector=detector,
        tin=tin,
        before=int(before) if before.isascii() and before.isdecimal() and len(before) <= 15 else 0,
        limit=CASES_SHOWN + 1,
    )
    log_act(request.user, "inspections.list", for_whom=tin)
    facts = {
        "lines": [CaseLine(one) for one in found[:CASES_SHOWN]],
        "older": found[CASES_SHOWN - 1].case_id if len(found) > CASES_SHOWN else 0,
        "states": [*CaseState],
        "state": state,
        "detectors": DETECTOR_WORDS.items(),
        "detector": detector or "",
        "tin": tin,
    }
    return render(request, "inspections/cases.html", facts)


def _named(kind: type[Named], text: str) -> Named | None:
    return kind(text) if text in {*kind} else None


@require_GET
@only_who_may(SEE_CASES)
def case(request: HttpRequest, number: int) -> HttpResponse:
    """One case with all that was seen; that somebody has read it is an act."""
    with transaction.atomic():
        answer = _page(request, number)
        operations.read(shared_connection(), number, person_of(request.user).actor, timezone.now())
    return answer


@require_POST
@only_who_may(CLOSE_CASES)
def close(request: HttpRequest, number: int) -> HttpResponse:
    """End it with a reason."""
    if number > _CASE_NUMBER_MOST:
        raise Http404
    by, reason, now = person_of(request.user), request.POST.get("reason", ""), timezone.now()
    return carry_out(
        lambda conn: operations.close(conn, number, by, reason, now),
        lambda fault: _page(request, number, fault),
        "inspection",
        number=number,
    )


def _page(request: HttpRequest, number: int, fault: Fault | None = None) -> HttpResponse:
    conn = shared_connection()
    found = queries.case(conn, number) if number <= _CASE_NUMBER_MOST else None
    if found is None:
        raise Http404
    facts = {
        "line": CaseLine(found),
        "evidence": [SeenLine(one) for one in queries.evidence(conn, number)],
        "closes": may(request.user, CLOSE_CASES),
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "inspections/case.html", facts, fault)
