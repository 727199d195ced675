"""The SQL of the fold of under-reporting: one row a device, with the moments at which it grows worth a look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.inspections import InspectionLimits, SellingHabit
from tallystick.kernel.instants import EPOCH, from_unix_ms

_SQL = RoomQueries("tallystick.authority.projections.inspections")
Key = tuple[str, str]


@attrs.define(slots=True, kw_only=True)
class Device:
    """What the fold knows of a device (requestedBy, signedBy). Amounts x 10000; ``offset_minutes`` from UTC."""

    key: Key
    tin: str
    offset_minutes: int
    habit: SellingHabit
    audited_up_to: int = 0
    unaudited: int = 0
    oldest_at: datetime | None = None
    high_since: datetime | None = None

    def silent_due_at(self, limits: InspectionLimits) -> datetime | None:
        """When it will have been silent for too long."""
        hour = self.habit.silent_from(limits)
        return None if hour is None else EPOCH + timedelta(hours=hour, minutes=-self.offset_minutes)

    def unaudited_due_at(self, limits: InspectionLimits) -> datetime | None:
        """When its unaudited sum will be too old, or too high for too long."""
        due = []
        if self.oldest_at is not None:
            due.append(self.oldest_at + limits.unaudited_age)
        if self.high_since is not None:
            due.append(self.high_since + limits.arrival)
        return min(due, default=None)


def devices(conn: Connection, keys: Iterable[Key]) -> dict[Key, Device]:
    """The rows of these devices, held until the transaction ends."""
    wanted = sorted(set(keys))
    rows = _SQL.rows(
        conn, "devices", requested=[requested for requested, _ in wanted], signed=[signed for _, signed in wanted]
    )
    return {(row[0], row[1]): _device(row) for row in rows}


def _device(row: Row) -> Device:
    requested_by, signed_by, tin, offset, first, last, counts, audited, unaudited, oldest_at, high_since = row
    return Device(
        key=(requested_by, signed_by),
        tin=tin,
        offset_minutes=offset,
        habit=SellingHabit(first, last, bytes(counts)),
        audited_up_to=audited,
        unaudited=unaudited,
        oldest_at=oldest_at,
        high_since=high_since,
    )


def put(conn: Connection, device: Device, limits: InspectionLimits) -> None:
    """Write a device, with the moments that follow."""
    _SQL.run(
        conn,
        "put_device",
        requested_by=device.key[0],
        signed_by=device.key[1],
        tin=device.tin,
        offset_minutes=device.offset_minutes,
        first_hour=device.habit.first_hour,
        last_hour=device.habit.last_hour,
        counts=device.habit.counts,
        audited_up_to=device.audited_up_to,
        unaudited=device.unaudited,
        oldest_at=device.oldest_at,
        high_since=device.high_since,
        silent_due_at=device.silent_due_at(limits),
        unaudited_due_at=device.unaudited_due_at(limits),
    )


def unaudited_since(conn: Connection, uid: str, ordinal: int, below: int) -> tuple[int, datetime | None]:
    """Turnover behind an ordinal among the entries below an index, and when the oldest of it came."""
    row = _SQL.row(conn, "unaudited_since", uid=uid, ordinal=ordinal, below=below)
    assert row is not None
    return row[0], None if row[1] is None else from_unix_ms(row[1])


def silent(conn: Connection, at: datetime, limit: int) -> list[tuple[Key, str, int]]:
    """Devices that have been silent for too long: key, TIN, the hour of their last sale."""
    return [((row[0], row[1]), row[2], row[3]) for row in _SQL.rows(conn, "silent_devices", at=at, limit=limit)]


def told_silent(conn: Connection, key: Key) -> None:
    """This silence stands in a case; the next one begins with the next sale."""
    _SQL.run(conn, "told_silent", requested_by=key[0], signed_by=key[1])


def unaudited(conn: Connection, at: datetime, limit: int) -> list[tuple[Key, str, int, int, datetime | None]]:
    """Devices with too much unaudited for too long: key, TIN, audited up to, sum, the oldest document."""
    rows = _SQL.rows(conn, "unaudited_devices", at=at, limit=limit)
    return [((row[0], row[1]), *row[2:]) for row in rows]


def told_unaudited(conn: Connection, key: Key) -> None:
    """It stands in a case."""
    _SQL.run(conn, "told_unaudited", requested_by=key[0], signed_by=key[1])


def standing(conn: Connection, key: Key) -> tuple[int, int, int] | None:
    """Hour of the last sale, audited up to, unaudited sum."""
    row = _SQL.row(conn, "device", requested_by=key[0], signed_by=key[1])
    return None if row is None else (row[0], row[1], row[2])


def sums_by_type(conn: Connection, key: Key, first: int, last: int) -> list[tuple[int, int, int]]:
    """Of a device's documents from one number to another: type, how many, and their totals (x 10000)."""
    rows = _SQL.rows(conn, "sums_by_type", requested_by=key[0], signed_by=key[1], first=first, last=last)
    return [(int(row[0]), int(row[1]), int(row[2])) for row in rows]
