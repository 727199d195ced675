"""What every answer carries, and what no request may be: private pages are not stored, and only our own pages write."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none", ""})

Handler = Callable[[HttpRequest], HttpResponse]


class PrivatePageMiddleware:
    """Adds the headers that Django has no setting for."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and mark its answer."""
        response = self._get_response(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class OwnPagesMiddleware:
    """Refuses what another site makes a browser send; beside the token of each form, for browsers that say so."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on what reads, and what our own pages send."""
        if request.method not in _READING and request.headers.get("Sec-Fetch-Site", "") not in _OURS:
            raise PermissionDenied("sent by another site")
        return self._get_response(request)
