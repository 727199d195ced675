"""The SQL of settled places."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.authority.intake.store import Evidence
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.settled_place import SettledPlace, read_settled_place, write_settled_place

_QUERIES = RoomQueries("tallystick.authority.intake")

PRESENTED = "came for a settled place"
"""The kind of evidence."""
_REFUSALS_MOST = 5_000


@attrs.frozen(slots=True)
class WaitingPlace:
    """A settled place that has no entry in the ledger yet."""

    request_id: int
    uid: str
    tin: str
    body: bytes
    settled_at: datetime
    next_act: bytes


@attrs.frozen(slots=True)
class KnownPlace:
    """A settled place as it is shown: its entry, or why the ledger took none."""

    place: SettledPlace
    tin: str
    settled_at: datetime
    entry_index: int | None
    refusal: str


def first_undecided(conn: Connection, uid: str, first: int, last: int) -> int | None:
    """The lowest of these numbers under which a document waits for a decision."""
    found: int | None = _QUERIES.value(conn, "undecided_between", uid=uid, first=first, last=last)
    return found


def came_between(conn: Connection, uid: str, first: int, last: int) -> dict[bytes, int]:
    """SHA-256 of what is kept of these numbers, apart or as evidence, with its number."""
    return {bytes(row[0]): row[1] for row in _QUERIES.rows(conn, "came_between", uid=uid, first=first, last=last)}


def refused_between(conn: Connection, uid: str, first: int, last: int) -> list[tuple[SignedDocument, datetime]]:
    """What a device brought under these numbers that nobody could show to be signed by it, the newest first."""
    found = []
    for body, at in _QUERIES.rows(conn, "refused_of", uid=uid, limit=_REFUSALS_MOST):
        try:
            signed = read_signed(body, bytes_max=len(body))
        except Fault:
            continue
        if signed.header.device == uid and first <= signed.header.sequence <= last:
            found.append((signed, at))
    return found


def apart_behind(conn: Connection, uid: str, place: int) -> int:
    """How many documents of a device lie apart behind a place."""
    return int(_QUERIES.value(conn, "apart_behind", uid=uid, place=place))


def put(conn: Connection, place: SettledPlace, tin: str, at: datetime) -> bool:
    """Keep a place before its entry is booked; false where these places, or this request, are kept already."""
    values = {"uid": place.device, "tin": tin, "first": place.first, "last": place.last, "next_act": place.next_act}
    body = write_settled_place(place)
    return _QUERIES.run(conn, "put_settled_place", request_id=place.request, body=body, at=at, **values) == 1


def waiting(conn: Connection) -> list[WaitingPlace]:
    """Places without an entry, oldest first."""
    return [WaitingPlace(*row) for row in _QUERIES.rows(conn, "waiting_places")]


def number(conn: Connection, request_id: int, entry_index: int) -> None:
    """Note the ledger's entry."""
    _QUERIES.run(conn, "number_place", request_id=request_id, entry_index=entry_index)


def refuse(conn: Connection, request_id: int, refusal: str) -> None:
    """Note why the ledger takes none."""
    _QUERIES.run(conn, "refuse_place", request_id=request_id, refusal=refusal)


def newest(conn: Connection, limit: int) -> list[KnownPlace]:
    """Settled places, newest first."""
    return [
        KnownPlace(read_settled_place(body), tin, at, entry_index, refusal)
        for _, _, tin, body, at, entry_index, refusal in _QUERIES.rows(conn, "settled_places", limit=limit)
    ]


def unnumbered_presented(conn: Connection) -> list[Evidence]:
    """Evidence about settled places that has no entry in the ledger yet."""
    return [
        Evidence(
            act_hash=act_hash,
            body_hash=body_hash,
            kind=PRESENTED,
            file_hash=body_hash,
            body=body,
            first_body_hash=b"",
            signed_by=signed_by,
            ordinal=ordinal,
            token_uid=signed_by,
            received_at=received_at,
        )
        for act_hash, body_hash, body, signed_by, ordinal, received_at in _QUERIES.rows(conn, "unnumbered_presented")
    ]


def next_behind(conn: Connection, in_time: timedelta) -> tuple[bytes, int] | None:
    """A document that stood apart for its place alone and is the next of its device now: its act, and the request that
    settled the place before it. It came before the place was settled, or up to ``in_time`` after."""
    row = _QUERIES.row(conn, "next_behind_places", in_time=in_time)
    return (bytes(row[0]), int(row[1])) if row else None
