"""What may be asked about commands to national devices."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from tallystick.authority.reference.remote import store
from tallystick.authority.reference.remote.values import GivenCommand, Sort
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_commands import CommandResult

_PAGE = 1_000


def outstanding(conn: Connection, uid: str, at: datetime) -> list[GivenCommand]:
    """Commands that a device can fetch, in their order; nothing is noted."""
    return [one for one in store.open_commands(conn, uid, at) if one.compact is not None]


def command(conn: Connection, uid: str, number: int) -> GivenCommand | None:
    """One command with its life so far."""
    return store.command(conn, uid, number)


def results(conn: Connection, uid: str, number: int) -> dict[Sort, tuple[CommandResult, datetime]]:
    """What the device said about a command, and when it came."""
    return store.results(conn, uid, number)


def is_any_unsigned(conn: Connection, at: datetime) -> bool:
    """Whether a command waits for its signature."""
    return store.is_any_unsigned(conn, at)


def known_digests(conn: Connection, digests: Collection[bytes]) -> set[bytes]:
    """Which of these (SHA-256 of what was signed) are of signed commands: they explain uses of the key."""
    return store.known_digests(conn, digests) if digests else set()


def signed_commands(conn: Connection) -> Iterator[list[tuple[str, int, bytes]]]:
    """All signed commands, a page at a time: device, number, SHA-256 of what was signed."""
    uid, number = "", 0
    while page := store.signed_after(conn, uid, number, _PAGE):
        yield page
        uid, number, _ = page[-1]
