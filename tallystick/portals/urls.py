"""Addresses of all pages."""

from __future__ import annotations

from django.urls import include, path

from tallystick.portals import errors
from tallystick.portals.accounts import views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/<int:user>/<str:token>/", views.sign_in_by_link, name="sign-in-by-link"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("media/", include("tallystick.portals.media.urls")),
    path("", include("tallystick.portals.oversight.urls")),
    path("", include("tallystick.portals.builds.urls")),
    path("", include("tallystick.portals.inspections.urls")),
    path("", include("tallystick.portals.pki.urls")),
    path("home/", views.home, name="home"),
    path("", include("tallystick.portals.operator.urls")),
]

handler400 = errors.refused
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.unexpected
