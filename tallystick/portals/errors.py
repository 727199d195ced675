"""Pages for what went wrong: one sentence, one code, no stack. They ask no database, which may be what went wrong."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault

_RETRY_SECONDS = "5"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such page, or none for this user: both look alike (TS-4003)."""
    return _page(404, "TS-4003", "Page not found")


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that no page of ours makes (TS-1004)."""
    return _page(400, "TS-1004", "This request cannot be served")


def with_nul(request: HttpRequest) -> HttpResponse:
    """A NUL in a path, a search or a form (TS-4024)."""
    return _page(400, "TS-4024", "This holds a character that is no text")


def crowded(request: HttpRequest) -> HttpResponse:
    """As many uploads of this person as there may be at once are on their way, or of all persons together (TS-4009)."""
    response = _page(429, "TS-4009", "Too many uploads are on their way. Wait until one is through")
    response.headers["Retry-After"] = _RETRY_SECONDS
    return response


def too_slow(request: HttpRequest) -> HttpResponse:
    """An upload that has come to a halt (TS-1005)."""
    return _page(408, "TS-1005", "The upload came to a halt. Send it again, in smaller parts")


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    """A form that is not from our page, or from an old one (TS-4007)."""
    return _page(403, "TS-4007", "This form is out of date. Open the page again")


def too_large(request: HttpRequest) -> HttpResponse:
    """More than a page takes (TS-1003)."""
    return _page(413, "TS-1003", "This is too much for one upload. Send the folder in parts, or as a ZIP")


def of_fault(request: HttpRequest, fault: Fault) -> HttpResponse:
    """A room's refusal as a page: its title and its code; what is forbidden looks like what does not exist."""
    kind = CATALOGUE[fault.code]
    if kind.http_status == HTTPStatus.NOT_FOUND and fault.code == "TS-4003":
        return _page(404, "TS-4003", "Page not found")
    response = _page(kind.http_status, fault.code, kind.title)
    if fault.retry_after_seconds:
        response.headers["Retry-After"] = str(fault.retry_after_seconds)
    return response


def unexpected(request: HttpRequest) -> HttpResponse:
    """The database is away (TS-5009), or a fault of our own (TS-5099)."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        response = _page(503, "TS-5009", "The database cannot be reached at the moment")
        response.headers["Retry-After"] = _RETRY_SECONDS
        return response
    return _page(500, "TS-5099", "Something went wrong on our side")


def _page(status: int, code: str, title: str) -> HttpResponse:
    return HttpResponse(render_to_string("error.html", {"code": code, "title": title}), status=status)
