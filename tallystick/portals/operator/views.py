"""The country live: a page, and the part of it that renews itself."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from tallystick.portals.accounts.rights import SEE_COUNTRY, only_who_may
from tallystick.portals.operator.cards import groups_of
from tallystick.portals.operator.country import read_country
from tallystick.portals.shared_connection import shared_connection


@require_GET
@only_who_may(SEE_COUNTRY)
def live(request: HttpRequest) -> HttpResponse:
    """The whole page, complete without script."""
    return render(request, "operator/live.html", _figures() | {"country": settings.COUNTRY_NAME})


@require_GET
@only_who_may(SEE_COUNTRY)
def figures(request: HttpRequest) -> HttpResponse:
    """The figures alone, as HTML."""
    return render(request, "operator/figures.html", _figures())


def _figures() -> dict[str, object]:
    """What the templates show, read through the rooms' questions on Django's connection."""
    country = read_country(shared_connection(), timezone.now())
    return {
        "at": country.at,
        "groups": groups_of(country),
        "waiting_cards": country.waiting_cards,
        "checkpoint": country.checkpoint,
    }
