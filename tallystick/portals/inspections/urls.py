"""Addresses of the pages of inspections."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.inspections import views

urlpatterns = [
    path("inspections/", views.cases, name="inspections"),
    path("inspections/<int:number>/", views.case, name="inspection"),
    path("inspections/<int:number>/close/", views.close, name="close-inspection"),
]
