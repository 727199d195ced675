"""What may be asked about the rules in force."""

from __future__ import annotations

from tallystick.authority.reference.rules import store
from tallystick.authority.reference.rules.values import Adoption
from tallystick.authority.room_queries import Connection


def history(conn: Connection, subject: str, *, limit: int = 100) -> list[Adoption]:
    """When a rule was adopted and with which content, newest first."""
    return store.history(conn, subject, limit)
