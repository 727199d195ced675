"""Addresses of the operator's pages."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.operator.audits import approve, ask, audits, refuse
from tallystick.portals.operator.production import approve_batch, batch, production, refuse_batch
from tallystick.portals.operator.views import figures, live

urlpatterns = [
    path("", live, name="live"),
    path("live/figures/", figures, name="live-figures"),
    path("audits/", audits, name="audits"),
    path("audits/<str:uid>/override/", ask, name="ask-override"),
    path("overrides/<int:number>/approve/", approve, name="approve-override"),
    path("overrides/<int:number>/refuse/", refuse, name="refuse-override"),
    path("production/", production, name="production"),
    path("production/<int:number>/", batch, name="batch"),
    path("production/<int:number>/approve/", approve_batch, name="approve-batch"),
    path("production/<int:number>/refuse/", refuse_batch, name="refuse-batch"),
]
