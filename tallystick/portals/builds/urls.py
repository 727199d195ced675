"""Addresses of the pages of builds."""

from __future__ import annotations

from django.urls import path, re_path

from tallystick.portals.builds import views

_BUILD = "(?P<build_id>[0-9a-f]{64})"

urlpatterns = [
    path("builds/", views.home, name="builds"),
    path("builds/submit/", views.submit, name="submit-build"),
    re_path(rf"^builds/{_BUILD}/(?P<deed>certify|refuse|suspend|revoke)/$", views.decide, name="decide-build"),
]
