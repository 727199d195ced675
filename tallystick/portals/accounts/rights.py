"""Who may do what on the pages: one table, one function, and nothing is allowed that does not stand there."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse

SEE_COUNTRY = "see the country live"

_ALLOWED = frozenset({("operator", SEE_COUNTRY)})

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


def authorise(user: AbstractBaseUser | AnonymousUser, action: str) -> None:
    """Raises ``Http404`` unless the user's role may do it: what is forbidden looks like what does not exist."""
    if (getattr(user, "role", ""), action) not in _ALLOWED:
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
