"""Addresses of the pages of the PKI."""

from __future__ import annotations

from django.urls import path, re_path

from tallystick.portals.pki import views

_CERTIFICATE = "(?P<certificate>[0-9a-f]{64})"

urlpatterns = [
    path("certificates/", views.home, name="pki"),
    path("certificates/revoke-many/", views.revoke_many, name="revoke-many"),
    re_path(rf"^certificates/{_CERTIFICATE}/(?P<deed>revoke|hold|lift)/$", views.decide, name="decide-certificate"),
]
