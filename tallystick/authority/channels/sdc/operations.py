"""What a device may do beside handing in packages; each in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tallystick.authority.channels.sdc import store, tokens
from tallystick.authority.channels.sdc.identity import ClientIdentity
from tallystick.authority.channels.sdc.services import ProofOfAudit
from tallystick.authority.reference.builds import operations as builds
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.commands.values import QueuedCommand
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.taxcore_api import CommandType, Token


def open_session(conn: Connection, server_key: bytes, identity: ClientIdentity, build_id: str, now: datetime) -> Token:
    """The device's token, and a note of the certified build that it proved, if any (S2-092, S0-083)."""
    if build_id:
        builds.prove(conn, identity.uid, build_id, now)
    return tokens.issue(conn, server_key, identity, now, build_id)


def initialise(conn: Connection, uid: str, wanted: Sequence[tuple[CommandType, str]]) -> list[QueuedCommand]:
    """Everything that waits for a device, its configuration set included (S2-002, S2-003, S2-006)."""
    commands.initialise(conn, uid, wanted)
    return commands.fetch(conn, uid)


def notify_status(conn: Connection, uid: str, is_online: bool, at: datetime) -> list[QueuedCommand]:
    """Note that a device called; what waits for it when it is online (S2-013)."""
    store.put_contact(conn, uid, is_online, at)
    return commands.fetch(conn, uid) if is_online else []


def command_processed(
    conn: Connection, audit: ProofOfAudit, uid: str, command_id: str, success: bool, at: datetime
) -> None:
    """Take a command's result, and tell the proof-of-audit service when it is news (S2-004, S2-016, S2-105).

    Raises ``TS-3106`` (no GUID), ``TS-3107``, ``TS-3108``.
    """
    try:
        number = UUID(command_id)
    except ValueError:
        raise Fault("TS-3106", detail="a command's id is a GUID") from None
    before = commands.report(conn, uid, number, success)
    if before.success is not success:
        audit.command_reported(conn, uid, number, success, at)
