"""The only SQL of this channel."""

from __future__ import annotations

from datetime import datetime

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
