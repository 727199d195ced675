"""What a portal does: open an upload, add files, seal it. Stored first, judged later (`judging`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from tallystick.authority.channels.sdc.uploads import store
from tallystick.authority.channels.sdc.uploads.store import NewFile
from tallystick.authority.channels.sdc.uploads.values import FileKind, Offered, Sender
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.limits import LIMITS
from tallystick.wire.media_files import MediaKind, MediaName, read_media_name

CHUNK_FILES = 250
CHUNK_BYTES = 4 * 1024 * 1024
_KINDS = {
    MediaKind.PACKAGE: FileKind.PACKAGE,
    MediaKind.AUDIT_REQUEST: FileKind.AUDIT_REQUEST,
    MediaKind.RESULTS: FileKind.RESULTS,
}
_VERIFIED = 4


def open_upload(conn: Connection, sender: Sender, at: datetime) -> UUID:
    """A new, empty upload; raises ``TS-3152`` while too many files of this user wait."""
    with store.acting(conn, sender):
        if store.waiting_of_user(conn, sender.user_id) >= LIMITS.uploads_waiting_files_per_user:
            raise Fault("TS-3152", detail="wait until the files are worked off", retry_after_seconds=60)
        number = uuid4()
        store.add_upload(conn, number, sender, at)
        _log(conn, sender, "media.open", number, at)
    return number


def add_files(conn: Connection, sender: Sender, upload_id: UUID, offered: Iterable[Offered], at: datetime) -> int:
    """Store files as they come; gives how many. A transaction for each few hundred: what is stored stays.

    Every file gets a row: to be judged, or done at once because it is foreign, not the sender's, or accepted before.
    Raises ``TS-3150`` when there are too many, ``TS-4003`` for an upload that is not the sender's, not there or sealed,
    and what reading raises.
    """
    total = 0
    rest = iter(offered)
    while chunk := _next_chunk(rest):
        with store.acting(conn, sender):
            count = store.lock_upload(conn, upload_id, sender.user_id)
            if count is None:
                raise Fault("TS-4003", detail="no open upload of yours of that number")
            if count + len(chunk) > LIMITS.upload_files:
                raise Fault("TS-3150", detail=f"more than {LIMITS.upload_files} files in one upload")
            store.add_files(conn, upload_id, _rows(conn, sender, chunk, count), at)
            _log(conn, sender, "media.add", upload_id, at, {"files": str(len(chunk))})
        total += len(chunk)
    return total


def _next_chunk(rest: Iterator[Offered]) -> list[Offered]:
    """Few enough files for one statement, and few enough bytes: an archive of a megabyte may hold hundreds of them."""
    chunk: list[Offered] = []
    size = 0
    for one in rest:
        chunk.append(one)
        size += len(one.content or b"")
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            break
    return chunk


def seal(conn: Connection, sender: Sender, upload_id: UUID, at: datetime) -> None:
    """All files have come; changes nothing for an upload of somebody else."""
    with store.acting(conn, sender):
        if store.seal(conn, upload_id, sender.user_id, at):
            _log(conn, sender, "media.seal", upload_id, at)


def ask_for_initialisation(conn: Connection, sender: Sender, uid: str, at: datetime) -> UUID:
    """Have the commands prepared that initialise a device which is never online (S2-002, S2-014).

    Raises ``TS-4003`` for a card that is not the sender's.
    """
    tin = registry.owners(conn, [uid]).get(uid, "")
    if not tin or not sender.may(tin):
        raise Fault("TS-4003", detail="no such card of yours")
    number = open_upload(conn, sender, at)
    row = NewFile(position=1, name=uid, kind=FileKind.INITIALISE, uid=uid, tin=tin, body=b"")
    with store.acting(conn, sender):
        store.add_files(conn, number, [row], at)
        store.seal(conn, number, sender.user_id, at)
        _log(conn, sender, "media.initialise", number, at, {"uid": uid}, for_whom=tin)
    return number


def _log(
    conn: Connection,
    sender: Sender,
    verb: str,
    upload_id: UUID,
    at: datetime,
    facts: Mapping[str, str] | None = None,
    *,
    for_whom: str = "",
) -> None:
    """The deed in the activity log; names of files are the sender's and stay out of it."""
    actor = f"{'officer' if sender.acts_for is None else 'taxpayer'}:{sender.username}"
    thing = f"upload {upload_id}"
    activity.record(conn, Act(at=at, actor=actor, verb=verb, object=thing, for_whom=for_whom, facts=facts or {}))


def _rows(conn: Connection, sender: Sender, chunk: Sequence[Offered], count: int) -> list[NewFile]:
    read = [read_media_name(one.name) if one.content is not None else None for one in chunk]
    owners = registry.owners(conn, sorted({name.uid for name in read if name is not None and name.uid}))
    hashes = [sha256(one.content) if one.content is not None else None for one in chunk]
    found = store.accepted_before(conn, [digest for digest in hashes if digest is not None])
    accepted = {(digest, read_media_name(name), tin) for digest, name, tin in found}
    rows = []
    for position, (one, name, digest) in enumerate(zip(chunk, read, hashes, strict=True), count + 1):
        if name is None or digest is None or name.kind not in _KINDS:
            rows.append(_left(position, one))
            continue
        rows.append(_row(sender, position, one, name, digest, owners.get(name.uid, ""), accepted))
    return rows


def _left(position: int, one: Offered) -> NewFile:
    """A file that is not looked into: foreign, or ours by its name and not to be read."""
    name = read_media_name(one.name)
    kind = FileKind.FOREIGN if name is None else _KINDS.get(name.kind, FileKind.FOREIGN)
    return NewFile(position=position, name=one.name, kind=kind, code=one.code or "TS-4008", detail=one.detail)


def _row(
    sender: Sender,
    position: int,
    one: Offered,
    name: MediaName,
    digest: bytes,
    tin: str,
    accepted: set[tuple[bytes, MediaName | None, str]],
) -> NewFile:
    """A card of somebody else and one that does not exist are refused in the same words (TS-4003)."""
    row = NewFile(
        position=position,
        name=one.name,
        kind=_KINDS[name.kind],
        uid=name.uid,
        tin=tin,
        file_hash=digest,
        body=one.content,
    )
    if name.uid and not sender.may(tin):
        return _refused(row, "TS-4003", "not a card of yours")
    if row.kind is FileKind.PACKAGE and (digest, name, tin) in accepted:
        return _accepted(row)
    return row


def _refused(row: NewFile, code: str, detail: str) -> NewFile:
    return NewFile(position=row.position, name=row.name, kind=row.kind, uid=row.uid, code=code, detail=detail)


def _accepted(row: NewFile) -> NewFile:
    """The same bytes were verified before: the same answer, without another look."""
    return NewFile(
        position=row.position,
        name=row.name,
        kind=row.kind,
        uid=row.uid,
        tin=row.tin,
        file_hash=row.file_hash,
        status=_VERIFIED,
    )
