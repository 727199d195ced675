"""The only SQL of this channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries(__package__)


@attrs.frozen(slots=True)
class DeliveryRow:
    """A delivery as it is kept; the contact is none once it is erased."""

    delivery_id: int
    uid: str
    sequence: int
    by: str
    contact: str | None
    state: str
    asked_at: datetime


def _delivery(row: Row) -> DeliveryRow:
    return DeliveryRow(*row)


def lock_document(conn: Connection, number: str) -> None:
    """Let nobody else ask for a delivery of this document until the transaction ends."""
    _SQL.rows(conn, "lock_document", number=number)


def deliveries_of(conn: Connection, uid: str, sequence: int) -> list[DeliveryRow]:
    """All deliveries of a document, oldest first."""
    return [_delivery(row) for row in _SQL.rows(conn, "deliveries_of", uid=uid, sequence=sequence)]


def add_delivery(
    conn: Connection, uid: str, sequence: int, tin: str, by: str, contact: str, asked_at: datetime
) -> DeliveryRow:
    """A delivery that waits for the gateway."""
    row = _SQL.row(
        conn, "add_delivery", uid=uid, sequence=sequence, tin=tin, way=by, contact=contact, asked_at=asked_at
    )
    assert row is not None
    return _delivery(row)


class Calls(NamedTuple):
    """Calls of a device on a day."""

    uid: str
    day: date
    calls: int
    first_at: datetime
    last_at: datetime


def add_calls(conn: Connection, found: Sequence[Calls]) -> None:
    """Add calls to their days, each device and day at most once; rows are taken in the order given."""
    uids, days, calls, firsts, lasts = (list(column) for column in zip(*found, strict=True))
    _SQL.run(conn, "add_calls", uids=uids, days=days, calls=calls, firsts=firsts, lasts=lasts)


def add_refusals(conn: Connection, uid: str, day: date, code: str, times: int, last_at: datetime) -> None:
    """Add refusals of a device to a day."""
    _SQL.run(conn, "add_refusals", uid=uid, day=day, code=code, times=times, last_at=last_at)
