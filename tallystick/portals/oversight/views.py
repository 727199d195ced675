"""The activity log and the requests that wait: thin; every rule is in the rooms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import psycopg
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.deeds import DECIDED_ANYWHERE, must_be_decided_anywhere
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.activity.queries import LoggedAct
from tallystick.authority.oversight.approvals import operations, queries
from tallystick.authority.oversight.approvals.values import Person, Request, State
from tallystick.authority.reference.production.batches import OPEN_DEED
from tallystick.kernel.faults import Fault
from tallystick.portals.accounts.acts import log_act, person_of
from tallystick.portals.accounts.rights import DECIDE_REQUESTS, SEE_ACTIVITY, SEE_REQUESTS, may, only_who_may, reach
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.shared_connection import shared_connection

_OWN_PAGES: Mapping[str, tuple[str, str]] = {OPEN_DEED: ("production", "Fiscal modules")}
"""Name and title of the page on which a deed is decided that its own room decides."""
ACTS_SHOWN = 100
REQUESTS_SHOWN = 100
_SEARCH_CHARACTERS_MAX = 120
_WORDS = {
    State.PENDING: "waits for a second person",
    State.APPROVED: "approved, not carried out yet",
    State.REFUSED: "refused",
    State.EXPIRED: "expired without a second person",
    State.DONE: "carried out",
}
Deed = Callable[[psycopg.Connection[Any], Person], object]


@attrs.frozen(slots=True)
class RequestLine:
    """A request as a person reads it."""

    request: Request
    words: str
    pending: bool
    own: bool

    @property
    def here(self) -> bool:
        """Whether it is decided on this page."""
        return self.request.deed in DECIDED_ANYWHERE

    @property
    def page(self) -> tuple[str, str]:
        """Name and title of the page where else it is decided, as far as there is one."""
        return _OWN_PAGES.get(self.request.deed, ("", ""))


@require_GET
@only_who_may(SEE_ACTIVITY)
def acts(request: HttpRequest) -> HttpResponse:
    """The newest acts that fit, a hundred a page. A taxpayer sees what he may see of his own taxpayers' alone."""
    wanted = {name: _words(request.GET.get(name, "")) for name in ("actor", "verb", "thing")}
    for_whom = _words(request.GET.get("for", ""))
    before = _number(request.GET.get("before", ""))
    reached = reach(request.user, SEE_ACTIVITY)
    found: list[LoggedAct] = []
    conn = shared_connection()
    if reached is None:
        found = activity.newest(conn, **wanted, for_whom=for_whom, before=before, limit=ACTS_SHOWN + 1)
        log_act(request.user, "activity.read", for_whom=for_whom)
    else:
        for subject in [one for one in reached if for_whom in ("", one)]:
            found += activity.shown_to(conn, subject, **wanted, before=before, limit=ACTS_SHOWN + 1)
        found.sort(key=lambda one: one.seq, reverse=True)
    facts = {
        "acts": found[:ACTS_SHOWN],
        "older": found[ACTS_SHOWN - 1].seq if len(found) > ACTS_SHOWN else 0,
        "searches": reached is None,
        "for_whom": for_whom,
        **wanted,
    }
    return render(request, "oversight/activity.html", facts)


def _words(text: str) -> str:
    """What was searched for, without what no text of the database can hold."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:_SEARCH_CHARACTERS_MAX]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else 0


@require_GET
@only_who_may(SEE_REQUESTS)
def approvals(request: HttpRequest) -> HttpResponse:
    """Requests, those that wait for a second person first."""
    log_act(request.user, "approvals.read")
    return _requests(request)


@require_POST
@only_who_may(DECIDE_REQUESTS)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Agree, as the second person."""
    now = timezone.now()
    return _decide(request, number, lambda conn, by: operations.approve(conn, number, by, now))


@require_POST
@only_who_may(DECIDE_REQUESTS)
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse, or take one's own request back."""
    now = timezone.now()
    return _decide(request, number, lambda conn, by: operations.refuse(conn, number, by, now))


def _decide(request: HttpRequest, number: int, deed: Deed) -> HttpResponse:
    by = person_of(request.user)

    def decide(conn: psycopg.Connection[Any]) -> None:
        must_be_decided_anywhere(conn, number)
        deed(conn, by)

    return carry_out(decide, lambda fault: _requests(request, fault), "approvals")


def _requests(request: HttpRequest, fault: Fault | None = None) -> HttpResponse:
    username, now = request.user.get_username(), timezone.now()
    lines = []
    for one in queries.newest(shared_connection(), limit=REQUESTS_SHOWN):
        late = one.state is State.PENDING and now >= one.expires_at
        words = _WORDS[State.EXPIRED if late else one.state]
        lines.append(RequestLine(one, words, one.state is State.PENDING and not late, one.asked_by == username))
    facts = {
        "lines": lines,
        "decides": may(request.user, DECIDE_REQUESTS),
    }
    return show(request, "oversight/approvals.html", facts, fault)
