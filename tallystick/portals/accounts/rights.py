"""Who may do what on the pages: one table, one function, and nothing is allowed that does not stand there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse

SEE_COUNTRY = "see the country live"

SEE_AUDITS = "see open audits"
DECIDE_OVERRIDES = "ask for, approve and refuse overrides"

_ALLOWED = frozenset(
    {
        ("operator", SEE_COUNTRY),
        ("operator", SEE_AUDITS),
        ("officer", SEE_COUNTRY),
        ("officer", SEE_AUDITS),
        ("officer", DECIDE_OVERRIDES),
    }
)

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


def may(user: AbstractBaseUser | AnonymousUser, action: str) -> bool:
    """Whether the user's role may do it."""
    return (getattr(user, "role", ""), action) in _ALLOWED


def authorise(user: AbstractBaseUser | AnonymousUser, action: str) -> None:
    """Raises ``Http404`` unless the user's role may do it: what is forbidden looks like what does not exist."""
    if not may(user, action):
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
