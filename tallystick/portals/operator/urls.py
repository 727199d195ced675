"""Addresses of the operator's pages."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.operator.audits import approve, ask, audits, refuse
from tallystick.portals.operator.views import figures, live

urlpatterns = [
    path("", live, name="live"),
    path("live/figures/", figures, name="live-figures"),
    path("audits/", audits, name="audits"),
    path("audits/<str:uid>/override/", ask, name="ask-override"),
    path("overrides/<int:number>/approve/", approve, name="approve-override"),
    path("overrides/<int:number>/refuse/", refuse, name="refuse-override"),
]
