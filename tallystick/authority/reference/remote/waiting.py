"""For which devices a command waits, in memory, so that any answer can say so without a question to the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from tallystick.authority.reference.remote import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import Clock

_FULL_EVERY_SECONDS = 60.0


class WaitingCommands:
    """UIDs with signed commands that nobody answered, with the highest number. Refreshed by `reference.following`.

    One thread refreshes, any thread reads. A command that ends by the clock leaves within a minute; a device that asks
    meanwhile gets an empty list.
    """

    channel = "remote"

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._numbers: dict[str, int] = {}
        self._since = "0"
        self._full_at: float | None = None

    def refresh(self, conn: Connection) -> None:
        """Take over what changed; once a minute read everything."""
        since, at, now = store.oldest_open_transaction(conn), self._clock(), self._monotonic()
        if self._full_at is None or now - self._full_at >= _FULL_EVERY_SECONDS:
            self._numbers = store.waiting(conn, at)
            self._full_at = now
        else:
            for uid, number in store.waiting_changed(conn, self._since, at).items():
                if number:
                    self._numbers[uid] = number
                else:
                    self._numbers.pop(uid, None)
        self._since = since

    def highest(self, uid: str) -> int:
        """The highest number that waits for a device; 0 where nothing does."""
        return self._numbers.get(uid, 0)
