"""What may be done with commands: queue, fetch, report. The caller's transaction is the unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from tallystick.authority.reference.commands import queries, store
from tallystick.authority.reference.commands.values import REPLACING, QueuedCommand
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.taxcore_api import CommandType


def queue(conn: Connection, uid: str, type: CommandType, payload: str, command_id: UUID | None = None) -> UUID:
    """Put a command into a device's outbox; returns its id. The same ``command_id`` again changes nothing.

    A configuration command, or a proof of audit, takes the place of an older one that was not answered.
    """
    number = command_id or uuid4()
    store.lock_device(conn, uid)
    if store.add(conn, number, uid, type, payload) and type in REPLACING:
        store.supersede(conn, uid, type, number)
        store.forget_old(conn, uid, type, number)
    return number


def queue_for_all(conn: Connection, type: CommandType, payload: str, *, after: str = "", most: int = 100) -> list[str]:
    """Queue a configuration command for the next devices whose newest one of its kind says something else.

    Asked are devices that ever had one of the kind: whoever is initialised later gets it then. Returns their UIDs,
    ascending and behind ``after``; fewer than ``most`` are the last.
    """
    devices = store.devices_behind(conn, type, payload, after, most)
    for uid in devices:
        queue(conn, uid, type, payload)
    return devices


def initialise(conn: Connection, uid: str, wanted: Sequence[tuple[CommandType, str]]) -> None:
    """See that every wanted configuration waits for the device that asks to be initialised (S2-002, S2-006).

    A waiting command of the same payload stays as it is, so its id stays. One that was answered is queued anew: who
    asks may be another device with the same card.
    """
    store.lock_device(conn, uid)
    for kind, payload in wanted:
        newest = store.newest_of_kind(conn, uid, kind)
        if newest is None or not newest.is_outstanding or newest.payload != payload:
            queue(conn, uid, kind, payload)


def fetch(conn: Connection, uid: str) -> list[QueuedCommand]:
    """The outstanding commands of a device, oldest first, noted as fetched. They stay outstanding until reported."""
    waiting = queries.outstanding(conn, uid)
    unseen = [command.command_id for command in waiting if command.fetched_at is None]
    if unseen:
        store.mark_fetched(conn, unseen)
    return waiting


def report(conn: Connection, uid: str, command_id: UUID, success: bool) -> QueuedCommand:
    """Take the result of a command; returns the command as it stood before (S2-016).

    The same result again changes nothing, and a success may follow a failure. Raises ``TS-3107`` for a command that
    this device never got, and ``TS-3108`` when a failure follows a success.
    """
    command = store.lock_command(conn, uid, command_id)
    if command is None:
        raise Fault("TS-3107", detail="no such command for this device")
    if command.success is True and not success:
        raise Fault("TS-3108", detail="the command was reported as executed before")
    if command.success is not success:
        store.mark_reported(conn, command_id, success)
    return command
