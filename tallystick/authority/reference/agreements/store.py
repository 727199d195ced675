"""The only SQL of agreements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tallystick.authority.reference.agreements.values import Agreement
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.identifiers import Tin

_SQL = RoomQueries(__package__)


def _agreement(row: Row) -> Agreement:
    number, tin, since, until, concluded_by, concluded_at, ended_by, end_reason = row
    return Agreement(
        number=number,
        tin=Tin(tin),
        since=since,
        until=until,
        concluded_by=concluded_by,
        concluded_at=concluded_at,
        ended_by=ended_by,
        end_reason=end_reason,
    )


def add(conn: Connection, agreement: Agreement) -> bool:
    """Insert; false when the number is there already."""
    added = _SQL.run(
        conn,
        "add_agreement",
        number=agreement.number,
        tin=agreement.tin,
        since=agreement.since,
        until=agreement.until,
        by=agreement.concluded_by,
        at=agreement.concluded_at,
    )
    return bool(added)


def agreement(conn: Connection, number: str, *, lock: bool = False) -> Agreement | None:
    """By number, held until the transaction ends with ``lock``."""
    row = _SQL.row(conn, "lock_agreement" if lock else "agreement", number=number)
    return None if row is None else _agreement(row)


def end(conn: Connection, number: str, until: datetime, by: str, reason: str, at: datetime) -> None:
    """Write the end; one before the beginning makes it an agreement that never was in force."""
    _SQL.run(conn, "end_agreement", number=number, until=until, by=by, reason=reason, at=at)


def agreements(conn: Connection, tin: str, limit: int) -> list[Agreement]:
    """The newest of a taxpayer, or of all."""
    return [_agreement(row) for row in _SQL.rows(conn, "agreements", tin=tin, limit=limit)]


def in_force(conn: Connection, tin: str, at: datetime) -> bool:
    """Whether the taxpayer has one at that moment."""
    return bool(_SQL.value(conn, "in_force", tin=tin, at=at))


def changed(conn: Connection, since: str) -> Iterable[Agreement]:
    """Changed by a transaction not older than ``since``."""
    return map(_agreement, _SQL.rows(conn, "changed_agreements", changed_since=since))


def oldest_open_transaction(conn: Connection) -> str:
    """The mark below which every transaction has ended, as the text of an ``xid8``."""
    return str(_SQL.value(conn, "oldest_open_transaction"))
