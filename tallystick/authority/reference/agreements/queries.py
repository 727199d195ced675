"""What may be asked of agreements."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.agreements import store
from tallystick.authority.reference.agreements.values import Agreement
from tallystick.authority.room_queries import Connection


def in_force(conn: Connection, tin: str, at: datetime) -> bool:
    """Whether the taxpayer has an agreement at that moment, straight from the database."""
    return store.in_force(conn, tin, at)


def agreements(conn: Connection, tin: str = "", limit: int = 100) -> list[Agreement]:
    """The newest of a taxpayer, or of all."""
    return store.agreements(conn, tin, limit)
