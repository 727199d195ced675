"""How much a request may bring: little everywhere, and more where files are handed in by somebody who is signed in.

Measured before the first byte is read; a form's token is found only by reading the form.
"""

from __future__ import annotations

from collections.abc import Callable
from wsgiref.types import WSGIEnvironment

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse

from tallystick.kernel.limits import LIMITS
from tallystick.kit.wsgi import REFUSAL, Admitted, Refusal
from tallystick.portals.errors import crowded, too_large, too_slow

UPLOADS = "/media/uploads/"
_FRAME_BYTES_PER_FILE = 512
_REFUSED = {Refusal.CROWDED: crowded, Refusal.SLOW: too_slow}


class BodyBoundMiddleware:
    """Refuses what is larger than its page takes (TS-1003), and what the server did not read (TS-4009, TS-1005)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on what is small enough."""
        refusal = request.META.get(REFUSAL)
        if refusal is not None:
            return _REFUSED[refusal](request)
        if _length(request) > _most(request):
            return too_large(request)
        return self._get_response(request)


def bytes_taken(environ: WSGIEnvironment) -> Admitted:
    """The same bound for the server, which asks it before it takes the body from the line."""
    close_old_connections()
    request = WSGIRequest(environ)
    SessionMiddleware(lambda _request: HttpResponse()).process_request(request)
    request.user = get_user(request)
    return Admitted(_most(request), str(request.user.pk or ""))


def _length(request: HttpRequest) -> int:
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    return int(text) if text.isdecimal() else 0


def _most(request: HttpRequest) -> int:
    if request.path.startswith(UPLOADS) and request.user.is_authenticated:
        return LIMITS.upload_request_bytes + LIMITS.upload_request_files * _FRAME_BYTES_PER_FILE
    return LIMITS.control_call_bytes
