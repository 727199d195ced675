"""The SQL of decisions about many documents of a device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries, Row

_QUERIES = RoomQueries("tallystick.authority.intake")


@attrs.frozen(slots=True)
class Waiting:
    """What waits of one device. ``turnover`` is in ten-thousandths."""

    uid: str
    count: int
    first: int
    last: int
    turnover: int
    first_at: datetime
    last_at: datetime


@attrs.frozen(slots=True)
class Extent:
    """Documents of a device: numbers from ``first`` to ``last`` whose arrival is an entry up to ``edge``."""

    uid: str
    first: int
    last: int
    edge: int


@attrs.frozen(slots=True)
class Kept:
    """How many of an extent wait, their turnover in ten-thousandths, when they came, and the SHA-256 over the act
    hashes of all that were kept apart there, decided or not, in the order of numbers and arrival."""

    count: int
    turnover: int
    first_at: datetime | None
    last_at: datetime | None
    digest: bytes


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far a decision about many is; ``at_number`` and ``at_entry`` are the last document that was judged."""

    request_id: int
    uid: str
    at_number: int
    at_entry: int
    done: int
    left_waiting: int
    codes: Mapping[str, int]
    hindrance: str
    begun_at: datetime
    finished_at: datetime | None


def devices(conn: Connection, limit: int) -> list[Waiting]:
    """Devices of which several documents wait, those with the most first."""
    return [
        Waiting(uid, count, first, last, int(turnover), first_at, last_at)
        for uid, count, first, last, turnover, first_at, last_at in _QUERIES.rows(conn, "many_devices", limit=limit)
    ]


def extent(conn: Connection, uid: str, first: int, last: int) -> Extent | None:
    """What waits of a device between two numbers, as it is now; none where nothing does."""
    row = _QUERIES.row(conn, "many_extent", uid=uid, first=first, last=last)
    return Extent(uid, *row) if row and row[0] is not None else None


def kept(conn: Connection, of: Extent) -> Kept:
    """What lies there."""
    row = _QUERIES.row(conn, "many_kept", **attrs.asdict(of))
    assert row is not None
    return Kept(row[0], int(row[1]), row[2], row[3], bytes(row[4]))


def codes(conn: Connection, of: Extent) -> dict[str, int]:
    """Why they lie apart, the most frequent first."""
    return dict(_QUERIES.rows(conn, "many_codes", **attrs.asdict(of)))


def arrived(conn: Connection, of: Extent) -> list[tuple[bytes, datetime]]:
    """Act hashes of those that wait, and when they came."""
    return [(bytes(act), at) for act, at in _QUERIES.rows(conn, "many_arrived", **attrs.asdict(of))]


def begin(conn: Connection, request_id: int, uid: str, at: datetime) -> None:
    """Note that a decision is in work."""
    _QUERIES.run(conn, "begin_many", request_id=request_id, uid=uid, at=at)


def is_in_work(conn: Connection, uid: str | None = None) -> bool:
    """Whether a decision about many of a device, or of any, is in work."""
    return bool(_QUERIES.value(conn, "many_in_work", uid=uid))


def lock_oldest(conn: Connection) -> Progress | None:
    """The oldest one in work, held until the transaction ends."""
    row = _QUERIES.row(conn, "lock_many")
    return _progress(row) if row else None


def next_of(conn: Connection, of: Extent, behind: Progress) -> tuple[bytes, int, int] | None:
    """The next document that waits, in the order of numbers: its act, its number, the entry of its arrival."""
    row = _QUERIES.row(conn, "next_of_many", at_number=behind.at_number, at_entry=behind.at_entry, **attrs.asdict(of))
    return (bytes(row[0]), row[1], row[2]) if row else None


def note(conn: Connection, progress: Progress) -> None:
    """Write how far it is."""
    _QUERIES.run(
        conn,
        "note_many",
        request_id=progress.request_id,
        at_number=progress.at_number,
        at_entry=progress.at_entry,
        done=progress.done,
        left_waiting=progress.left_waiting,
        codes=json.dumps(dict(progress.codes)),
        hindrance=progress.hindrance,
        finished_at=progress.finished_at,
    )


def newest(conn: Connection, limit: int) -> list[Progress]:
    """Decisions about many: those in work first, then the newest."""
    return [_progress(row) for row in _QUERIES.rows(conn, "newest_many", limit=limit)]


def _progress(row: Row) -> Progress:
    names = (
        "request_id", "uid", "at_number", "at_entry", "done", "left_waiting", "codes", "hindrance", "begun_at",
        "finished_at",
    )  # fmt: skip
    values = dict(zip(names, row, strict=True))
    return Progress(**(values | {"codes": json.loads(values["codes"])}))
