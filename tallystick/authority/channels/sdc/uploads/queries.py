"""What may be asked about uploads, and about the commands that wait to be carried to devices."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from uuid import UUID

import attrs

from tallystick.authority.channels.sdc.uploads import store
from tallystick.authority.channels.sdc.uploads.values import FileKind, JudgedFile, Sender, UploadOverview
from tallystick.authority.reference.commands import queries as commands
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.media_files import commands_name
from tallystick.wire.taxcore_api import write_commands

CARDS_SHOWN = 200
CARDS_IN_ARCHIVE = 1_000
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)


@attrs.frozen(slots=True)
class CardOfSender:
    """A card that a sender may hand in for, with the number of its commands that wait."""

    uid: str
    tin: str
    business_name: str
    location_name: str
    commands: int


@attrs.frozen(slots=True)
class Group:
    """So many files of an upload share kind, state, status and code."""

    kind: FileKind
    is_done: bool
    status: int | None
    code: str
    count: int


def upload(conn: Connection, sender: Sender, upload_id: UUID) -> UploadOverview:
    """An upload of this sender; raises ``TS-4003`` for one of somebody else and for none alike."""
    with store.acting(conn, sender):
        found = store.upload(conn, upload_id)
    if found is None or found[1] != sender.user_id:
        raise Fault("TS-4003", detail="no such upload of yours")
    return found[0]


def uploads(conn: Connection, sender: Sender, most: int = 20) -> list[UploadOverview]:
    """The sender's newest uploads."""
    with store.acting(conn, sender):
        return store.uploads_of_user(conn, sender.user_id, most)


def files(
    conn: Connection, sender: Sender, upload_id: UUID, *, everything: bool, skip: int = 0, most: int = 500
) -> list[JudgedFile]:
    """Lines of an upload of this sender; without ``everything`` the accepted packages are left out."""
    with store.acting(conn, sender):
        return store.files(conn, upload_id, everything=everything, skip=skip, most=most)


def groups(conn: Connection, sender: Sender, upload_id: UUID) -> list[Group]:
    """The files of an upload of this sender by what became of them."""
    with store.acting(conn, sender):
        return [Group(*one) for one in store.groups(conn, upload_id)]


def cards(conn: Connection, sender: Sender, *, only_waiting: bool = False) -> list[CardOfSender]:
    """Cards of the sender's taxpayers, or of all for an officer; those with waiting commands first."""
    rows = store.cards(conn, sender.acts_for, only_waiting=only_waiting, most=CARDS_SHOWN)
    return [CardOfSender(*row) for row in rows]


def commands_archive(conn: Connection, sender: Sender, uid: str = "") -> bytes:
    """A ZIP to be opened onto a medium: ``{UID}/{UID}.commands`` for each card with waiting commands (S2-100).

    Nothing is noted: commands wait until their results come. Raises ``TS-4003`` for a card that is not the sender's,
    and ``TS-3153`` when nothing waits.
    """
    rows = store.cards(conn, sender.acts_for, only_waiting=False, uid=uid, most=1) if uid else []
    if uid and not rows:
        raise Fault("TS-4003", detail="no such card of yours")
    waiting = store.cards(conn, sender.acts_for, only_waiting=True, uid=uid, most=CARDS_IN_ARCHIVE)
    if not waiting:
        raise Fault("TS-3153", detail="no command waits")
    return _archive((row[0], write_commands(one.wire for one in commands.outstanding(conn, row[0]))) for row in waiting)


def _archive(contents: Iterable[tuple[str, bytes]]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for uid, content in contents:
            archive.writestr(zipfile.ZipInfo(f"{uid}/{commands_name(uid)}", _ZIP_TIME), content)
    return target.getvalue()
