"""Who may do what on the pages: one table, one function, and nothing is allowed that does not stand there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse

from tallystick.authority.reference.registry import queries as registry
from tallystick.portals.shared_connection import shared_connection


class Scope(StrEnum):
    """Whose things a role reaches with an action."""

    ALL = "all"
    OWN = "own"


SEE_COUNTRY = "see the country live"
CARRY_MEDIA = "hand in media and take commands along"

SEE_AUDITS = "see open audits"
DECIDE_OVERRIDES = "ask for, approve and refuse overrides"
SEE_ACTIVITY = "see who did what"
SEE_REQUESTS = "see requests that need a second person"
SEE_BUILDS = "see builds and how they stand"
SUBMIT_BUILDS = "hand a maker's builds in"
DECIDE_BUILDS = "certify, refuse, suspend and revoke builds"
SEE_CASES = "see cases for inspections"
CLOSE_CASES = "close cases for inspections"
SEE_CERTIFICATES = "see certificates, their authorities and lists"
REVOKE_CERTIFICATES = "revoke certificates, put them on hold and take them off"
DECIDE_REQUESTS = "approve and refuse requests that need a second person"

SEE_QUARANTINE = "see what was kept apart"
DECIDE_QUARANTINE = "ask for, approve and refuse decisions on what was kept apart"

SEE_WITNESSES = "see who watches the ledger"
CHANGE_WITNESSES = "approve and refuse another policy of witnesses"
MAKE_MODULES = "open batches of fiscal modules and see what became of them"

_ALLOWED = {
    ("operator", SEE_COUNTRY): Scope.ALL,
    ("operator", SEE_AUDITS): Scope.ALL,
    ("operator", MAKE_MODULES): Scope.ALL,
    ("officer", SEE_COUNTRY): Scope.ALL,
    ("officer", SEE_AUDITS): Scope.ALL,
    ("officer", DECIDE_OVERRIDES): Scope.ALL,
    ("officer", CARRY_MEDIA): Scope.ALL,
    ("operator", SEE_ACTIVITY): Scope.ALL,
    ("officer", SEE_ACTIVITY): Scope.ALL,
    ("operator", SEE_REQUESTS): Scope.ALL,
    ("officer", SEE_REQUESTS): Scope.ALL,
    ("officer", DECIDE_REQUESTS): Scope.ALL,
    ("operator", SEE_BUILDS): Scope.ALL,
    ("officer", SEE_BUILDS): Scope.ALL,
    ("officer", DECIDE_BUILDS): Scope.ALL,
    ("officer", SEE_CASES): Scope.ALL,
    ("officer", CLOSE_CASES): Scope.ALL,
    ("operator", SEE_CERTIFICATES): Scope.ALL,
    ("officer", SEE_CERTIFICATES): Scope.ALL,
    ("officer", REVOKE_CERTIFICATES): Scope.ALL,
    ("manufacturer", SEE_BUILDS): Scope.OWN,
    ("manufacturer", SUBMIT_BUILDS): Scope.OWN,
    ("operator", SEE_QUARANTINE): Scope.ALL,
    ("officer", SEE_QUARANTINE): Scope.ALL,
    ("officer", DECIDE_QUARANTINE): Scope.ALL,
    ("operator", SEE_WITNESSES): Scope.ALL,
    ("officer", SEE_WITNESSES): Scope.ALL,
    ("officer", CHANGE_WITNESSES): Scope.ALL,
    ("officer", MAKE_MODULES): Scope.ALL,
    ("taxpayer", CARRY_MEDIA): Scope.OWN,
    ("taxpayer", SEE_ACTIVITY): Scope.OWN,
}
"""A role's first row is where it begins."""
_HOMES = {SEE_COUNTRY: "live", CARRY_MEDIA: "media", SEE_BUILDS: "builds"}

User = AbstractBaseUser | AnonymousUser
Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


def may(user: User, action: str) -> bool:
    """Whether the user's role may do it."""
    return (getattr(user, "role", ""), action) in _ALLOWED


def authorise(user: User, action: str, taxpayer: str | None = None) -> None:
    """Raises ``Http404`` unless the user may do it, where a thing is concerned with one of that taxpayer (TIN).

    What is forbidden looks like what does not exist (TS-4003).
    """
    reached = reach(user, action)
    if taxpayer is not None and reached is not None and taxpayer not in reached:
        raise Http404


def reach(user: User, action: str) -> Collection[str] | None:
    """The taxpayers (TIN) whose things the user reaches with an action; none means everybody's.

    Raises ``Http404`` where the role may not do it at all.
    """
    scope = _ALLOWED.get((getattr(user, "role", ""), action))
    if scope is None:
        raise Http404
    if scope is Scope.ALL:
        return None
    return registry.taxpayers_of_user(shared_connection(), int(user.pk or 0))


def home_of(user: User) -> str:
    """The name of the page on which a user of this role begins; raises ``Http404`` for a role without pages."""
    role = getattr(user, "role", "")
    for known, action in _ALLOWED:
        if known == role:
            return _HOMES[action]
    raise Http404


def only_who_may(action: str) -> Callable[[View[Arguments]], View[Arguments]]:
    """A view for those whose role may do ``action``."""

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Arguments.args, **named: Arguments.kwargs) -> HttpResponse:
            authorise(request.user, action)
            return view(request, *args, **named)

        return cast("View[Arguments]", guarded)

    return decorate
