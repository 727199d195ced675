"""The only SQL of the commands."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tallystick.authority.reference.commands.values import CommandsOverview, QueuedCommand
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.identifiers import Uid
from tallystick.wire.taxcore_api import CommandType

_SQL = RoomQueries(__package__)
FETCH_MOST = 100


def _command(row: Row) -> QueuedCommand:
    command_id, uid, kind, payload, queued_at, fetched_at, superseded_at, reported_at, success = row
    return QueuedCommand(
        command_id=command_id,
        uid=Uid(uid),
        type=CommandType(kind),
        payload=payload,
        queued_at=queued_at,
        fetched_at=fetched_at,
        superseded_at=superseded_at,
        reported_at=reported_at,
        success=success,
    )


def lock_device(conn: Connection, uid: str) -> None:
    """Let nobody else queue for this device until the transaction ends."""
    _SQL.rows(conn, "lock_device", uid=uid)


def add(conn: Connection, command_id: UUID, uid: str, kind: CommandType, payload: str) -> bool:
    """Insert; false when the id is there already."""
    return bool(_SQL.run(conn, "add", command_id=command_id, uid=uid, type=int(kind), payload=payload))


def supersede(conn: Connection, uid: str, kind: CommandType, by: UUID) -> None:
    """Take unanswered commands of the kind back, all but one."""
    _SQL.run(conn, "supersede", uid=uid, type=int(kind), command_id=by)


def forget_old(conn: Connection, uid: str, kind: CommandType, but: UUID) -> None:
    """Delete what was answered or taken back more than a day ago."""
    _SQL.run(conn, "forget_old", uid=uid, type=int(kind), command_id=but)


def command(conn: Connection, command_id: UUID) -> QueuedCommand | None:
    """By id."""
    row = _SQL.row(conn, "command", command_id=command_id)
    return None if row is None else _command(row)


def lock_command(conn: Connection, uid: str, command_id: UUID) -> QueuedCommand | None:
    """By id and device, locked until the transaction ends."""
    row = _SQL.row(conn, "lock_command", uid=uid, command_id=command_id)
    return None if row is None else _command(row)


def outstanding(conn: Connection, uid: str) -> list[QueuedCommand]:
    """In the order in which they were queued."""
    return [_command(row) for row in _SQL.rows(conn, "outstanding", uid=uid, most=FETCH_MOST)]


def newest_of_kind(conn: Connection, uid: str, kind: CommandType) -> QueuedCommand | None:
    """The newest command of a kind, answered or not."""
    row = _SQL.row(conn, "newest_of_kind", uid=uid, type=int(kind))
    return None if row is None else _command(row)


def mark_fetched(conn: Connection, command_ids: Sequence[UUID]) -> None:
    """Note that the device has them."""
    _SQL.run(conn, "mark_fetched", command_ids=list(command_ids))


def mark_reported(conn: Connection, command_id: UUID, success: bool) -> None:
    """Note the result."""
    _SQL.run(conn, "mark_reported", command_id=command_id, success=success)


def devices_behind(conn: Connection, kind: CommandType, payload: str, after: str, most: int) -> list[str]:
    """Devices whose newest command of the kind has another payload, by UID, behind one."""
    rows = _SQL.rows(conn, "devices_behind", type=int(kind), payload=payload, after=after, most=most)
    return [uid for (uid,) in rows]


def devices_with_outstanding(conn: Connection) -> set[str]:
    """Devices for which something waits."""
    return {uid for (uid,) in _SQL.rows(conn, "devices_with_outstanding")}


def devices_queued_since(conn: Connection, since: str) -> set[str]:
    """Devices for which something was queued by a transaction not older than ``since``, and waits."""
    return {uid for (uid,) in _SQL.rows(conn, "devices_queued_since", since=since)}


def oldest_open_transaction(conn: Connection) -> str:
    """The mark below which every transaction has ended, as the text of an ``xid8``."""
    return str(_SQL.value(conn, "oldest_open_transaction"))


def overview(conn: Connection) -> CommandsOverview:
    """Counts."""
    row = _SQL.row(conn, "counts")
    assert row is not None
    return CommandsOverview(*map(int, row))
