"""Pages for what went wrong: one sentence, one code, no stack."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No such page, or none for this user: both look alike (TS-4003)."""
    return render(request, "error.html", {"code": "TS-4003", "title": "Page not found"}, status=404)


def unexpected(request: HttpRequest) -> HttpResponse:
    """Our own fault (TS-5099)."""
    return render(request, "error.html", {"code": "TS-5099", "title": "Something went wrong on our side"}, status=500)
