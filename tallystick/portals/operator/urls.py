"""Addresses of the operator's pages."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.operator import many
from tallystick.portals.operator import quarantine as held
from tallystick.portals.operator import witnesses as watchers
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
    path("quarantine/", held.quarantine, name="quarantine"),
    path("quarantine/devices/<str:uid>/", many.device, name="quarantine-of-device"),
    path("quarantine/devices/<str:uid>/ask/", many.ask, name="ask-quarantine-of-device"),
    path("quarantine/<str:act>/ask/", held.ask, name="ask-quarantine"),
    path("quarantine/requests/<int:number>/approve/", held.approve, name="approve-quarantine"),
    path("quarantine/requests/<int:number>/refuse/", held.refuse, name="refuse-quarantine"),
    path("witnesses/", watchers.witnesses, name="witnesses"),
    path("witnesses/requests/<int:number>/approve/", watchers.approve, name="approve-policy"),
    path("witnesses/requests/<int:number>/refuse/", watchers.refuse, name="refuse-policy"),
    path("production/", production, name="production"),
    path("production/<int:number>/", batch, name="batch"),
    path("production/<int:number>/approve/", approve_batch, name="approve-batch"),
    path("production/<int:number>/refuse/", refuse_batch, name="refuse-batch"),
]
