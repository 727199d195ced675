"""Builds on a page: thin; every rule is in the room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs
import psycopg
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.builds import operations, queries
from tallystick.authority.reference.builds.values import Build, Decision, Maker
from tallystick.kernel.builds import NEXT_STATES, BuildState
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.portals.accounts.acts import person_of
from tallystick.portals.accounts.rights import DECIDE_BUILDS, SEE_BUILDS, SUBMIT_BUILDS, may, only_who_may
from tallystick.portals.deciding import carry_out, show
from tallystick.portals.shared_connection import shared_connection
from tallystick.wire.build_manifest import MANIFEST_BYTES_MAX

Decide = Callable[[psycopg.Connection[Any], str, Person, str, datetime], object]
_DEEDS: dict[str, tuple[BuildState, str, Decide]] = {
    "certify": (BuildState.CERTIFIED, "Certify", operations.certify),
    "refuse": (BuildState.REFUSED, "Refuse", operations.refuse),
    "suspend": (BuildState.SUSPENDED, "Suspend", operations.suspend),
    "revoke": (BuildState.REVOKED, "Ask a second officer to revoke", operations.ask_to_revoke),
}


@attrs.frozen(slots=True)
class BuildLine:
    """A build as a person reads it, with what may be decided about it now: addresses and words."""

    build: Build
    decisions: list[Decision]
    choices: list[tuple[str, str]]

    @property
    def bad(self) -> bool:
        """Whether it calls for somebody."""
        return self.build.state in (BuildState.SUBMITTED, BuildState.SUSPENDED)


@require_GET
@only_who_may(SEE_BUILDS)
def home(request: HttpRequest) -> HttpResponse:
    """Builds: a maker's own, or everybody's for those who decide."""
    return _page(request)


@require_POST
@only_who_may(SUBMIT_BUILDS)
def submit(request: HttpRequest) -> HttpResponse:
    """Hand a signed manifest in; it must be of the maker for whom the user acts."""
    maker, file, by = _maker(request), request.FILES.get("manifest"), person_of(request.user)

    def hand_in(conn: psycopg.Connection[Any]) -> None:
        if maker is None:
            raise Fault("TS-1311", detail="you act for no registered maker")
        if not isinstance(file, UploadedFile) or file.size is None or file.size > MANIFEST_BYTES_MAX:
            raise Fault("TS-4008", detail=f"a signed manifest of at most {MANIFEST_BYTES_MAX} bytes is needed")
        build_id = operations.submit(conn, file.read().strip(), by.actor, timezone.now())
        build = queries.build(conn, build_id)
        if build is None or build.maker != maker.maker:
            raise Fault("TS-1311", detail="the manifest is of another maker")

    return carry_out(hand_in, lambda fault: _page(request, fault), "builds")


@require_POST
@only_who_may(DECIDE_BUILDS)
def decide(request: HttpRequest, build_id: str, deed: str) -> HttpResponse:
    """An officer's decision; a revocation waits for a second one."""
    _, _, operation = _DEEDS[deed]
    by, reason, now = person_of(request.user), request.POST.get("reason", ""), timezone.now()
    return carry_out(
        lambda conn: operation(conn, build_id, by, reason, now),
        lambda fault: _page(request, fault),
        "approvals" if deed == "revoke" else "builds",
    )


def _maker(request: HttpRequest) -> Maker | None:
    return queries.maker_of_user(shared_connection(), int(request.user.pk or 0))


def _page(request: HttpRequest, fault: Fault | None = None) -> HttpResponse:
    conn, decides, submits = shared_connection(), may(request.user, DECIDE_BUILDS), may(request.user, SUBMIT_BUILDS)
    maker = _maker(request) if submits else None
    if submits and maker is None and fault is None:
        raise Http404
    found = queries.builds(conn, maker=maker.maker if maker is not None else None) if maker or not submits else []
    facts = {
        "lines": [BuildLine(one, queries.decisions(conn, one.build_id), _choices(one, decides)) for one in found],
        "maker": maker,
        "submits": submits,
        "reason_least": LIMITS.reason_characters_least,
        "reason_most": LIMITS.reason_characters_most,
    }
    return show(request, "builds/builds.html", facts, fault)


def _choices(build: Build, decides: bool) -> list[tuple[str, str]]:
    if not decides:
        return []
    return [(deed, words) for deed, (state, words, _) in _DEEDS.items() if state in NEXT_STATES[build.state]]
