"""Addresses of the operator's pages."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.operator import views

urlpatterns = [
    path("", views.live, name="live"),
    path("live/figures/", views.figures, name="live-figures"),
]
