"""Addresses of the pages of oversight."""

from __future__ import annotations

from django.urls import path

from tallystick.portals.oversight import views

urlpatterns = [
    path("activity/", views.acts, name="activity"),
    path("approvals/", views.approvals, name="approvals"),
    path("approvals/<int:number>/approve/", views.approve, name="approve-request"),
    path("approvals/<int:number>/refuse/", views.refuse, name="refuse-request"),
]
