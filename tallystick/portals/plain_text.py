"""Refuses a NUL wherever a visitor could send one: no text of the database can hold it, and no page of ours has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from tallystick.portals.errors import with_nul

_NUL = "\x00"


class PlainTextMiddleware:
    """Looks at path and query before anybody else does, and at the form before a view does (TS-4024)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on what is text."""
        if _NUL in request.path or _NUL in request.path_info or _holds_nul(_texts(request.GET)):
            return with_nul(request)
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """The form is read only here, where the body has been found small enough."""
        if request.method != "POST":
            return None
        names = (name for field in request.FILES for name in (field, *_file_names(request, field)))
        return with_nul(request) if _holds_nul(_texts(request.POST)) or _holds_nul(names) else None


def _file_names(request: HttpRequest, field: str) -> Iterable[str]:
    return (getattr(file, "name", None) or "" for file in request.FILES.getlist(field))


def _texts(values: QueryDict) -> Iterable[str]:
    for name, found in values.lists():
        yield name
        yield from map(str, found)


def _holds_nul(texts: Iterable[str]) -> bool:
    return any(_NUL in text for text in texts)
