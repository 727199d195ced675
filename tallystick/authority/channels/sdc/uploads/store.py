"""The only SQL of uploads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import attrs

from tallystick.authority.channels.sdc.uploads.values import (
    FileKind,
    JudgedFile,
    Sender,
    UploadOverview,
    Verdict,
    WaitingFile,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries(__package__)
_EVERYBODY = "*"


@attrs.frozen(slots=True, kw_only=True)
class NewFile:
    """A row to insert; one with a status or a code is done, and has no body."""

    position: int
    name: str
    kind: FileKind
    uid: str = ""
    tin: str = ""
    file_hash: bytes | None = None
    body: bytes | None = attrs.field(default=None, repr=False)
    status: int | None = None
    code: str = ""
    detail: str = ""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to judge any more."""
        return self.status is not None or self.code != ""


@contextmanager
def acting(conn: Connection, sender: Sender) -> Iterator[None]:
    """A transaction for this sender: row security shows the pages' role what is his, and lets it write nothing else."""
    with conn.transaction():
        taxpayers = [_EVERYBODY] if sender.acts_for is None else list(sender.acts_for)
        _SQL.row(conn, "act_for", user_id=sender.user_id, taxpayers=taxpayers)
        yield


def add_upload(conn: Connection, upload_id: UUID, sender: Sender, at: datetime) -> None:
    """Insert an empty upload."""
    acts_for = None if sender.acts_for is None else list(sender.acts_for)
    _SQL.run(
        conn,
        "add_upload",
        upload_id=upload_id,
        user_id=sender.user_id,
        username=sender.username,
        acts_for=acts_for,
        created_at=at,
    )


def lock_upload(conn: Connection, upload_id: UUID, user_id: int) -> int | None:
    """How many files an open upload of this user has; locked until the transaction ends."""
    row = _SQL.row(conn, "lock_upload", upload_id=upload_id, user_id=user_id)
    return None if row is None else int(row[0])


def add_files(conn: Connection, upload_id: UUID, files: Sequence[NewFile], at: datetime) -> None:
    """Insert files, and count them."""
    _SQL.run(
        conn,
        "add_files",
        upload_id=upload_id,
        at=at,
        positions=[file.position for file in files],
        names=[file.name for file in files],
        kinds=[file.kind.value for file in files],
        ranks=[file.kind.rank for file in files],
        uids=[file.uid for file in files],
        tins=[file.tin for file in files],
        hashes=[file.file_hash for file in files],
        bodies=[None if file.is_done else file.body for file in files],
        states=["done" if file.is_done else "waiting" for file in files],
        statuses=[file.status for file in files],
        replays=[file.status is not None for file in files],
        codes=[file.code for file in files],
        details=[file.detail for file in files],
    )
    _SQL.run(conn, "count_files", upload_id=upload_id, files=files[-1].position)


def seal(conn: Connection, upload_id: UUID, user_id: int, at: datetime) -> bool:
    """No further files come; whether there was an open upload of this user."""
    return bool(_SQL.run(conn, "seal", upload_id=upload_id, user_id=user_id, at=at))


def waiting_of_user(conn: Connection, user_id: int) -> int:
    """How many files of a user wait."""
    return int(_SQL.value(conn, "waiting_of_user", user_id=user_id))


def accepted_before(conn: Connection, hashes: Sequence[bytes]) -> set[tuple[bytes, str, str]]:
    """Hash, name and TIN of files that were accepted before."""
    rows = _SQL.rows(conn, "accepted_before", hashes=list(hashes))
    return {(bytes(digest), name, tin) for digest, name, tin in rows}


def due_files(conn: Connection, now: datetime, most: int, most_bytes: int) -> list[WaitingFile]:
    """Files to judge now, in the order of work: so many, and no more once they hold so many bytes."""
    return [
        WaitingFile(
            upload_id=row[0],
            position=row[1],
            name=row[2],
            kind=FileKind(row[3]),
            uid=row[4],
            tin=row[5],
            body=bytes(row[6] or b""),
            received_at=row[7],
            attempts=row[8],
            user_id=row[9],
            username=row[10],
            acts_for=None if row[11] is None else tuple(row[11]),
        )
        for row in _SQL.rows(conn, "due_files", now=now, most=most, most_bytes=most_bytes)
    ]


def put_verdicts(conn: Connection, judged: Sequence[tuple[WaitingFile, Verdict]], at: datetime) -> None:
    """Write what became of files; the first final verdict of a file stands."""
    _SQL.run(
        conn,
        "put_verdicts",
        at=at,
        uploads=[file.upload_id for file, _ in judged],
        positions=[file.position for file, _ in judged],
        statuses=[verdict.status for _, verdict in judged],
        replays=[verdict.replayed for _, verdict in judged],
        codes=[verdict.code for _, verdict in judged],
        details=[verdict.detail for _, verdict in judged],
        uids=[verdict.uid for _, verdict in judged],
    )


def put_off(conn: Connection, file: WaitingFile, due_at: datetime, code: str, detail: str) -> None:
    """Let a file wait until a moment."""
    _SQL.run(
        conn,
        "put_off",
        upload_id=file.upload_id,
        position=file.position,
        due_at=due_at,
        code=code,
        detail=detail,
    )


def upload(conn: Connection, upload_id: UUID) -> tuple[UploadOverview, int] | None:
    """An upload and the number of its user."""
    row = _SQL.row(conn, "upload", upload_id=upload_id)
    return None if row is None else (_overview(row), row[9])


def uploads_of_user(conn: Connection, user_id: int, most: int) -> list[UploadOverview]:
    """The newest uploads of a user."""
    return [_overview(row) for row in _SQL.rows(conn, "uploads_of_user", user_id=user_id, most=most)]


def _overview(row: Row) -> UploadOverview:
    upload_id, username, acts_for, created_at, sealed_at, files, done, accepted, left_alone = row[:9]
    return UploadOverview(
        upload_id=upload_id,
        username=username,
        acts_for=None if acts_for is None else tuple(acts_for),
        created_at=created_at,
        sealed_at=sealed_at,
        files=files,
        done=done,
        accepted=accepted,
        refused=done - accepted - left_alone,
        left_alone=left_alone,
    )


def files(conn: Connection, upload_id: UUID, *, everything: bool, skip: int, most: int) -> list[JudgedFile]:
    """Lines of an upload, by position; without `everything` the accepted packages are left out."""
    rows = _SQL.rows(conn, "files", upload_id=upload_id, everything=everything, skip=skip, most=most)
    return [
        JudgedFile(
            position=row[0],
            name=row[1],
            kind=FileKind(row[2]),
            uid=row[3],
            is_done=row[4],
            status=row[5],
            replayed=row[6],
            code=row[7],
            detail=row[8],
        )
        for row in rows
    ]


def groups(conn: Connection, upload_id: UUID) -> list[tuple[FileKind, bool, int | None, str, int]]:
    """How many files have the same kind, state, status and code."""
    rows = _SQL.rows(conn, "groups", upload_id=upload_id)
    return [(FileKind(kind), done, status, code, count) for kind, done, status, code, count in rows]


def cards(
    conn: Connection, tins: Sequence[str] | None, *, only_waiting: bool, uid: str = "", most: int
) -> list[tuple[str, str, str, str, int]]:
    """UID, TIN, business name, place and waiting commands of cards; `tins` none means everybody's."""
    return [
        (row[0], row[1], row[2], row[3], row[4])
        for row in _SQL.rows(
            conn,
            "cards_of",
            everybody=tins is None,
            tins=list(tins or ()),
            only_waiting=only_waiting,
            uid=uid,
            most=most,
        )
    ]
