"""Addresses of the pages for media."""

from __future__ import annotations

from django.urls import path, re_path

from tallystick.portals.media import views

_UID = "(?P<uid>[A-Z0-9]{8})"

urlpatterns = [
    path("", views.home, name="media"),
    path("uploads/", views.create, name="media-create"),
    path("uploads/<uuid:number>/", views.upload, name="media-upload"),
    path("uploads/<uuid:number>/list/", views.upload_list, name="media-upload-list"),
    path("uploads/<uuid:number>/files/", views.add, name="media-add"),
    path("commands.zip", views.commands, name="media-commands"),
    re_path(rf"^commands/{_UID}\.zip$", views.commands, name="media-commands-of"),
    re_path(rf"^cards/{_UID}/initialise/$", views.initialise, name="media-initialise"),
]
