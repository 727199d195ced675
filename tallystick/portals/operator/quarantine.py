"""Documents that were kept apart, and what officers decide about them: re-admit or reject, two of them (K-05)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake import decision_store, decisions, many_store, place_store, places
from tallystick.authority.intake.decisions import DECIDE
from tallystick.authority.intake.held import Decision
from tallystick.authority.intake.many import DECIDE_MANY
from tallystick.authority.intake.places import SETTLE
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import DECIDE_QUARANTINE, SEE_QUARANTINE, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.operator.held_lines import decided_lines, held_lines, request_lines
from tallystick.portals.operator.many_lines import many_lines, progress_lines
from tallystick.portals.shared_connection import shared_connection

SHOWN = 50
WANTED_SETTLE = "settle"
"""The button that asks about the places before a document, not about the document."""
Deed = Callable[[psycopg.Connection[Any], Person], object]


@require_GET
@only_who_may(SEE_QUARANTINE)
def quarantine(request: HttpRequest) -> HttpResponse:
    """What waits with what shows its age, requests, and the newest decisions."""
    log_act(request.user, "quarantine.read")
    return _page(request)


@require_POST
@only_who_may(DECIDE_QUARANTINE)
def ask(request: HttpRequest, act: str) -> HttpResponse:
    """Ask that a document be re-admitted or rejected, or that what lacks before it be settled as lost."""
    reason, wanted, now = request.POST.get("reason", ""), request.POST.get("decision", ""), timezone.now()

    def deed(conn: psycopg.Connection[Any], by: Person) -> object:
        if wanted == WANTED_SETTLE:
            return places.ask(conn, DeviceCounters(), by, _act_hash(act), reason, now)
        if wanted not in set(Decision):
            raise Fault("TS-1220", detail="the decision is readmit, reject or settle")
        return decisions.ask(conn, DeviceCounters(), by, _act_hash(act), Decision(wanted), reason, now)

    return _decide(request, deed, reason)


@require_POST
@only_who_may(DECIDE_QUARANTINE)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Agree, as the second officer."""
    now = timezone.now()
    return _decide(request, lambda conn, by: approvals.approve(conn, _own(conn, number), by, now))


@require_POST
@only_who_may(DECIDE_QUARANTINE)
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse, or take one's own request back."""
    now = timezone.now()
    return _decide(request, lambda conn, by: approvals.refuse(conn, _own(conn, number), by, now))


def _act_hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Fault("TS-4003", detail="no such document") from None


def _own(conn: psycopg.Connection[Any], number: int) -> int:
    """The number, if it is a request of this page; raises ``TS-4003``."""
    if all(one.request_id != number for one in _requests(conn)):
        raise Fault("TS-4003", detail="no such request here")
    return number


def _requests(conn: psycopg.Connection[Any]) -> list[Request]:
    return approval_queries.newest(conn, deeds=(DECIDE, DECIDE_MANY, SETTLE))


def _decide(request: HttpRequest, deed: Deed, reason: str = "") -> HttpResponse:
    by = person_of(request.user)
    return carry_out(
        lambda conn: deed(conn, by),
        lambda fault: _page(request, fault, reason),
        "quarantine",
    )


def _page(request: HttpRequest, fault: Fault | None = None, reason: str = "") -> HttpResponse:
    conn, now = shared_connection(), timezone.now()
    requests = _requests(conn)
    open_acts = {one.object for one in requests if one.state in ("pending", "approved")}
    facts = {
        "devices": many_lines(many_store.devices(conn, SHOWN)),
        "documents": held_lines(conn, DeviceCounters(), decision_store.waiting(conn, SHOWN), open_acts),
        "requests": request_lines(requests, now),
        "decided": decided_lines(decision_store.decided(conn, SHOWN)),
        "decided_many": progress_lines(conn, many_store.newest(conn, SHOWN)),
        "places": place_store.newest(conn, SHOWN),
        "decides": may(request.user, DECIDE_QUARANTINE),
        "username": request.user.get_username(),
        "reason": reason,
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "operator/quarantine.html", facts, fault)
