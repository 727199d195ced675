"""What may be asked about commands."""

from __future__ import annotations

from uuid import UUID

from tallystick.authority.reference.commands import store
from tallystick.authority.reference.commands.values import CommandsOverview, QueuedCommand
from tallystick.authority.room_queries import Connection


def outstanding(conn: Connection, uid: str) -> list[QueuedCommand]:
    """The outstanding commands of a device, oldest first; nothing is noted."""
    return store.outstanding(conn, uid)


def command(conn: Connection, command_id: UUID) -> QueuedCommand | None:
    """One command with its life so far."""
    return store.command(conn, command_id)


def overview(conn: Connection) -> CommandsOverview:
    """Counts for the operator's page."""
    return store.overview(conn)
