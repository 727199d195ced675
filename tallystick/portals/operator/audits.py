"""Open audits, and what officers decide about them: ask for an override, approve or refuse one (S2-104, K-13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.audit import overrides, queries
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import DECIDE_OVERRIDES, SEE_AUDITS, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.operator.audit_lines import audit_lines, override_lines
from tallystick.portals.shared_connection import shared_connection

AUDITS_SHOWN = 100
OVERRIDES_SHOWN = 50
Deed = Callable[[psycopg.Connection[Any], Person], object]


@require_GET
@only_who_may(SEE_AUDITS)
def audits(request: HttpRequest) -> HttpResponse:
    """Audits that are not at their end, and overrides with what has come since."""
    log_act(request.user, "audits.read")
    return _page(request)


@require_POST
@only_who_may(DECIDE_OVERRIDES)
def ask(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask for an override of a card."""
    reason, now = request.POST.get("reason", ""), timezone.now()
    apart = QuarantineAndEvidence()
    return _decide(request, lambda conn, by: overrides.ask(conn, apart, by, uid, reason, now), reason)


@require_POST
@only_who_may(DECIDE_OVERRIDES)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Agree, as the second officer."""
    now = timezone.now()
    return _decide(request, lambda conn, by: overrides.approve(conn, number, by, now))


@require_POST
@only_who_may(DECIDE_OVERRIDES)
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse, or take one's own request back."""
    now = timezone.now()
    return _decide(request, lambda conn, by: overrides.refuse(conn, number, by, now))


def _decide(request: HttpRequest, deed: Deed, reason: str = "") -> HttpResponse:
    by = person_of(request.user)
    return carry_out(
        lambda conn: deed(conn, by),
        lambda fault: _page(request, fault, reason),
        "audits",
    )


def _page(request: HttpRequest, fault: Fault | None = None, reason: str = "") -> HttpResponse:
    conn, now = shared_connection(), timezone.now()
    shown = override_lines(queries.overrides(conn, QuarantineAndEvidence(), OVERRIDES_SHOWN), now)
    pending = {one.uid for one in shown if one.pending}
    facts = {
        "audits": audit_lines(queries.open_audits(conn, AUDITS_SHOWN), pending),
        "overrides": shown,
        "decides": may(request.user, DECIDE_OVERRIDES),
        "username": request.user.get_username(),
        "reason": reason,
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "operator/audits.html", facts, fault)
