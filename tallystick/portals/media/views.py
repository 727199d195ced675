"""Upload, progress, download: thin; every rule is in the rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tallystick.authority.channels.sdc.uploads import operations, queries
from tallystick.authority.channels.sdc.uploads.reading import offered_files
from tallystick.authority.channels.sdc.uploads.values import Offered, Sender, UploadOverview
from tallystick.authority.reference.registry import queries as registry
from tallystick.kernel.faults import Fault
from tallystick.portals.accounts.acts import log_act
from tallystick.portals.accounts.models import AppUser
from tallystick.portals.accounts.rights import CARRY_MEDIA, authorise, only_who_may, reach
from tallystick.portals.errors import of_fault
from tallystick.portals.media.words import line_of, line_of_group, urgency
from tallystick.portals.shared_connection import shared_connection

LINES = 200


def sender_of(request: HttpRequest) -> Sender:
    """Who hands in, with the cards that he reaches."""
    user = request.user
    assert isinstance(user, AppUser)
    reached = reach(user, CARRY_MEDIA)
    acts_for = None if reached is None else tuple(reached)
    return Sender(user_id=user.pk, username=user.username, acts_for=acts_for)


@require_GET
@only_who_may(CARRY_MEDIA)
def home(request: HttpRequest) -> HttpResponse:
    """The three services on one page: upload, commands, what was uploaded."""
    sender = sender_of(request)
    _log_read(request, sender, "cards and uploads")
    cards = queries.cards(shared_connection(), sender)
    context = {
        "officer": sender.acts_for is None,
        "cards": cards,
        "any_commands": any(card.commands for card in cards),
        "uploads": queries.uploads(shared_connection(), sender),
    }
    return render(request, "media/home.html", context)


@require_POST
@only_who_may(CARRY_MEDIA)
def create(request: HttpRequest) -> HttpResponse:
    """Store what was sent as a new upload; with ``more`` further files follow."""
    sender = sender_of(request)
    try:
        number = operations.open_upload(shared_connection(), sender, timezone.now())
        _store(request, sender, number)
    except Fault as fault:
        return of_fault(request, fault)
    return redirect("media-upload", number=number)


@require_POST
@only_who_may(CARRY_MEDIA)
def add(request: HttpRequest, number: UUID) -> HttpResponse:
    """Store further files of an upload that is open."""
    sender = sender_of(request)
    try:
        queries.upload(shared_connection(), sender, number)
        _store(request, sender, number)
    except Fault as fault:
        return of_fault(request, fault)
    return redirect("media-upload", number=number)


def _store(request: HttpRequest, sender: Sender, number: UUID) -> None:
    """An archive that cannot be read spoils nothing of what came before it: the upload is sealed as it is."""
    now = timezone.now()
    try:
        operations.add_files(shared_connection(), sender, number, _offered(request), now)
    finally:
        if "more" not in request.POST:
            operations.seal(shared_connection(), sender, number, now)


def _offered(request: HttpRequest) -> Iterator[Offered]:
    for field in ("files", "folder"):
        for file in request.FILES.getlist(field):
            assert isinstance(file, UploadedFile)
            if file.name and file.file is not None:
                yield from offered_files(file.name, cast("BinaryIO", file.file))


@require_GET
@only_who_may(CARRY_MEDIA)
def upload(request: HttpRequest, number: UUID) -> HttpResponse:
    """How far an upload is, and what became of each file."""
    _log_read(request, sender_of(request), f"upload {number}")
    return _shown(request, number, "media/upload.html")


@require_GET
@only_who_may(CARRY_MEDIA)
def upload_list(request: HttpRequest, number: UUID) -> HttpResponse:
    """The part of that page that renews itself."""
    return _shown(request, number, "media/upload_list.html")


def _log_read(request: HttpRequest, sender: Sender, thing: str) -> None:
    """Who looks at what belongs to others is named; a taxpayer's look at his own things is no act."""
    if sender.acts_for is None:
        log_act(request.user, "media.read", thing)


def _shown(request: HttpRequest, number: UUID, template: str) -> HttpResponse:
    sender = sender_of(request)
    try:
        found = queries.upload(shared_connection(), sender, number)
    except Fault:
        raise Http404 from None
    return render(request, template, _context(request, sender, found))


def _context(request: HttpRequest, sender: Sender, found: UploadOverview) -> dict[str, object]:
    everything = request.GET.get("show") == "all"
    text = request.GET.get("from", "0")
    skip = int(text) if text.isdecimal() and len(text) <= 6 else 0
    files = queries.files(
        shared_connection(), sender, found.upload_id, everything=everything, skip=skip, most=LINES + 1
    )
    return {
        "upload": found,
        "groups": sorted(map(line_of_group, queries.groups(shared_connection(), sender, found.upload_id)), key=urgency),
        "lines": [line_of(file) for file in files[:LINES]],
        "everything": everything,
        "next": skip + LINES if len(files) > LINES else None,
    }


def _require_card(request: HttpRequest, uid: str) -> None:
    """Raises ``Http404`` for a card of somebody else, and for one that does not exist."""
    authorise(request.user, CARRY_MEDIA, registry.owners(shared_connection(), [uid]).get(uid, ""))


@require_GET
@only_who_may(CARRY_MEDIA)
def commands(request: HttpRequest, uid: str = "") -> HttpResponse:
    """The commands that wait, as a ZIP to open onto a medium."""
    if uid:
        _require_card(request, uid)
    try:
        content = queries.commands_archive(shared_connection(), sender_of(request), uid)
    except Fault as fault:
        return of_fault(request, fault)
    log_act(request.user, "media.commands", uid or "all")
    name = f"commands-{uid}.zip" if uid else "commands.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type="application/zip", headers=headers)


@require_POST
@only_who_may(CARRY_MEDIA)
def initialise(request: HttpRequest, uid: str) -> HttpResponse:
    """Have the first commands of a device prepared that is never online."""
    _require_card(request, uid)
    try:
        number = operations.ask_for_initialisation(shared_connection(), sender_of(request), uid, timezone.now())
    except Fault as fault:
        return of_fault(request, fault)
    return redirect("media-upload", number=number)
