"""Who watches the ledger: witnesses and whether they are late, contradictions, and changes of the policy by two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import psycopg
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.assurance.witnesses import queries
from tallystick.authority.assurance.witnesses.operations import CHANGE_POLICY
from tallystick.authority.assurance.witnesses.values import Lateness, WatchedBy
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Person, Request, State
from tallystick.kernel.faults import Fault
from tallystick.portals.accounts.acts import person_of
from tallystick.portals.accounts.rights import CHANGE_WITNESSES, SEE_WITNESSES, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.shared_connection import shared_connection

_WORDS = {
    Lateness.PROMPT: "cosigns",
    Lateness.LATE: "is a little late",
    Lateness.SILENT: "has been silent for a quarter of an hour or more",
}


@attrs.frozen(slots=True, kw_only=True)
class WitnessLine:
    """One witness as a person reads it."""

    name: str
    key: str
    words: str
    bad: bool
    size: int
    cosigned_at: datetime | None
    trouble: str


@require_GET
@only_who_may(SEE_WITNESSES)
def witnesses(request: HttpRequest) -> HttpResponse:
    """Witnesses, contradictions, policy."""
    return _page(request)


@require_POST
@only_who_may(CHANGE_WITNESSES)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Agree to another policy, as the second officer."""
    return _decide(request, number, approvals.approve)


@require_POST
@only_who_may(CHANGE_WITNESSES)
def refuse(request: HttpRequest, number: int) -> HttpResponse:
    """Refuse another policy, or take one's own request back."""
    return _decide(request, number, approvals.refuse)


Deed = Callable[[psycopg.Connection[Any], int, Person, datetime], object]


def _decide(request: HttpRequest, number: int, deed: Deed) -> HttpResponse:
    def decide(conn: psycopg.Connection[Any]) -> None:
        if all(one.request_id != number for one in _requests(conn)):
            raise Fault("TS-4003", detail="no such request here")
        deed(conn, number, person_of(request.user), timezone.now())

    return carry_out(decide, lambda fault: _page(request, fault), "witnesses")


def _requests(conn: psycopg.Connection[Any]) -> list[Request]:
    return approval_queries.newest(conn, deeds=(CHANGE_POLICY,))


def _page(request: HttpRequest, fault: Fault | None = None) -> HttpResponse:
    conn, now = shared_connection(), timezone.now()
    in_force, age = queries.policy(conn), queries.quorum_age(conn, now)
    facts = {
        "witnesses": [_line(one, now) for one in queries.watched_by(conn)],
        "quorum_late": age is not None and age > timedelta(minutes=15),
        "quorum_at": now - age if age is not None else None,
        "conflicts": queries.conflicts(conn),
        "policy": in_force.content.decode("utf-8", "replace") if in_force else "",
        "version": in_force.version if in_force else 0,
        "requests": [(one, one.state is State.PENDING and now < one.expires_at) for one in _requests(conn)],
        "changes": may(request.user, CHANGE_WITNESSES),
        "username": request.user.get_username(),
    }
    return show(request, "operator/witnesses.html", facts, fault)


def _line(one: WatchedBy, now: datetime) -> WitnessLine:
    lateness = one.standing.lateness(now)
    return WitnessLine(
        name=one.witness.name,
        key=one.witness.key.verifier_key,
        words=_WORDS[lateness],
        bad=lateness is Lateness.SILENT,
        size=one.standing.size,
        cosigned_at=one.standing.cosigned_at,
        trouble=one.standing.trouble,
    )
