"""Batches of fiscal modules for persons: open one as the second of two, see its counts and its modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import psycopg
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches as room
from tallystick.authority.reference.production import queries
from tallystick.authority.reference.production.values import Batch, BatchState, Module
from tallystick.kernel.faults import Fault
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import MAKE_MODULES, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.shared_connection import shared_connection

BATCHES_SHOWN = 50
MODULES_ON_A_PAGE = 50
_WORDS = {
    BatchState.ASKED: "waits for a second person",
    BatchState.OPEN: "open",
    BatchState.CLOSED: "closed, its counts add up",
    BatchState.REFUSED: "refused",
}


@attrs.frozen(slots=True, kw_only=True)
class BatchLine:
    """What the page says of a batch."""

    batch: Batch
    words: str
    reason: str
    waits: bool
    counts: tuple[tuple[str, int], ...]


@require_GET
@only_who_may(MAKE_MODULES)
def production(request: HttpRequest) -> HttpResponse:
    """The newest batches."""
    log_act(request.user, "production.read", "batches")
    return _page(request)


@require_GET
@only_who_may(MAKE_MODULES)
def batch(request: HttpRequest, number: int) -> HttpResponse:
    """One batch with a page of its modules: no other is read."""
    conn = shared_connection()
    found = queries.batch(conn, number)
    if found is None:
        raise Http404
    places = range(queries.counts(conn, number).taken)
    page = Paginator(places, MODULES_ON_A_PAGE).get_page(request.GET.get("page"))
    modules = queries.modules(conn, number, limit=MODULES_ON_A_PAGE, skip=max(page.start_index() - 1, 0))
    log_act(request.user, "production.read", f"batch {number}")
    facts = {"line": _line(conn, found, {}), "page": page, "modules": [_facts(one) for one in modules]}
    return render(request, "operator/batch.html", facts)


@require_POST
@only_who_may(MAKE_MODULES)
def approve_batch(request: HttpRequest, number: int) -> HttpResponse:
    """Open a batch, as the second person."""
    now = timezone.now()
    return _decide(request, lambda conn, by: room.approve(conn, number, by, now))


@require_POST
@only_who_may(MAKE_MODULES)
def refuse_batch(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse a batch, or take one's own request back."""
    now = timezone.now()
    return _decide(request, lambda conn, by: room.refuse(conn, number, by, now))


def _decide(request: HttpRequest, deed: Callable[[psycopg.Connection[Any], Person], object]) -> HttpResponse:
    by = person_of(request.user)
    return carry_out(lambda conn: deed(conn, by), lambda fault: _page(request, fault), "production")


def _page(request: HttpRequest, fault: Fault | None = None) -> HttpResponse:
    conn = shared_connection()
    reasons = queries.reasons(conn)
    facts = {
        "lines": [_line(conn, one, reasons) for one in queries.batches(conn, BATCHES_SHOWN)],
        "username": request.user.get_username(),
    }
    return show(request, "operator/production.html", facts, fault)


def _line(conn: psycopg.Connection[Any], found: Batch, reasons: Mapping[int, str]) -> BatchLine:
    counts = queries.counts(conn, found.batch_id)
    return BatchLine(
        batch=found,
        reason=reasons.get(found.request_id or 0, ""),
        words=_WORDS[found.state],
        waits=found.state is BatchState.ASKED,
        counts=tuple((state.value, count) for state, count in sorted(counts.by_state.items())),
    )


def _facts(module: Module) -> dict[str, object]:
    return {
        "name": module.number or f"blank {module.slot}",
        "state": module.state.value,
        "bad": module.spoilt_because is not None,
        "because": module.spoilt_because or "",
        "form": module.form_factor.value,
        "seller": module.seller,
        "place": module.place,
        "since": module.changed_at,
    }
