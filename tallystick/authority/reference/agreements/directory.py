"""Agreements in memory: what is asked for each document, without SQL. Refreshed by `reference.following`."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.agreements import store
from tallystick.authority.reference.agreements.values import Agreement
from tallystick.authority.room_queries import Connection


class AgreementDirectory:
    """Agreements as they stood at the last refresh. One thread refreshes, any thread reads."""

    channel = "agreements"

    def __init__(self) -> None:
        self._of: dict[str, tuple[Agreement, ...]] = {}
        self._since = "0"

    def refresh(self, conn: Connection) -> None:
        """Take over what changed. A transaction that was open the last time is asked for again."""
        since = store.oldest_open_transaction(conn)
        for one in store.changed(conn, self._since):
            others = (other for other in self._of.get(one.tin, ()) if other.number != one.number)
            self._of[one.tin] = (one, *others)
        self._since = since

    def in_force(self, tin: str, at: datetime) -> bool:
        """Whether the taxpayer has an agreement at that moment."""
        return any(one.in_force(at) for one in self._of.get(tin, ()))
