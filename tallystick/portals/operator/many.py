"""All that lies apart of one device, and asking for one decision about it (K-05)."""

from __future__ import annotations

from typing import Any

import psycopg
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.intake import many
from tallystick.authority.intake.held import Decision
from tallystick.authority.intake.many import NUMBER_MOST, Many
from tallystick.authority.intake.many_store import Extent
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import DECIDE_QUARANTINE, SEE_QUARANTINE, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.operator.audit_lines import amount_text
from tallystick.portals.operator.many_lines import cause_lines
from tallystick.portals.shared_connection import shared_connection

_DIGITS_MOST = 18


@require_GET
@only_who_may(SEE_QUARANTINE)
def device(request: HttpRequest, uid: str) -> HttpResponse:
    """What waits of a device, between two numbers where they are said."""
    try:
        first, last = _number(request.GET, "first", 0), _number(request.GET, "last", NUMBER_MOST)
        seen = many.look(shared_connection(), DeviceCounters(), uid, first, last)
    except Fault as fault:
        return _page(request, uid, None, fault)
    log_act(request.user, "quarantine.read", uid)
    return _page(request, uid, seen)


@require_POST
@only_who_may(DECIDE_QUARANTINE)
def ask(request: HttpRequest, uid: str) -> HttpResponse:
    """Ask for a decision about exactly what the page showed: its numbers, its last entry, its hash."""
    by, wanted, now = person_of(request.user), request.POST.get("decision", ""), timezone.now()

    def deed(conn: psycopg.Connection[Any]) -> object:
        if wanted not in set(Decision):
            raise Fault("TS-1220", detail="the decision is readmit or reject")
        first, last, edge = (_number(request.POST, name, -1) for name in ("first", "last", "edge"))
        shown = Extent(uid, first, last, edge)
        seen = many.look_again(conn, DeviceCounters(), shown)
        if request.POST.get("hash", "") != seen.digest.hex():
            raise Fault("TS-4007", detail="other documents lie there than the page showed: look again")
        return many.ask(conn, by, seen, Decision(wanted), request.POST.get("reason", ""), now)

    return carry_out(deed, lambda fault: _again(request, uid, fault), "quarantine")


def _again(request: HttpRequest, uid: str, fault: Fault) -> HttpResponse:
    """The page as things are now, with what was refused."""
    try:
        seen = many.look(shared_connection(), DeviceCounters(), uid)
    except Fault:
        return _page(request, uid, None, fault)
    return _page(request, uid, seen, fault)


def _page(request: HttpRequest, uid: str, seen: Many | None, fault: Fault | None = None) -> HttpResponse:
    facts = {
        "uid": uid,
        "seen": seen,
        "amount": amount_text(seen.turnover) if seen else "",
        "causes": cause_lines(seen.codes) if seen else [],
        "decides": may(request.user, DECIDE_QUARANTINE),
        "reason": request.POST.get("reason", ""),
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "operator/quarantine_of_device.html", facts, fault)


def _number(fields: QueryDict, name: str, otherwise: int) -> int:
    text = fields.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MOST:
        raise Fault("TS-1220", detail=f"{name} is no number of a document")
    return int(text)
