"""Addresses of the operator's pages."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.operator.views import figures, live

urlpatterns = [
    path("", live, name="live"),
    path("live/figures/", figures, name="live-figures"),
]
