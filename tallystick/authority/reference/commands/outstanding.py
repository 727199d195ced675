"""Which devices have commands waiting, in memory, so that the hot path asks SQL only when there is something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tallystick.authority.reference.commands import store
from tallystick.authority.room_queries import Connection

_FULL_EVERY_SECONDS = 60.0


class Outstanding:
    """UIDs with waiting commands, each with the number of the refresh that saw it last. Refreshed by ``following``.

    A device may stand here for a moment after its last command was reported; then one query finds nothing, and
    ``settle`` takes it out unless something new was queued meanwhile.
    """

    channel = "commands"

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, int] = {}
        self._round = 0
        self._since = "0"
        self._full_at: float | None = None
        self._lock = threading.Lock()

    def refresh(self, conn: Connection) -> None:
        """Add what was queued lately; once a minute read everything."""
        self._round += 1
        since = store.oldest_open_transaction(conn)
        now = self._monotonic()
        if self._full_at is None or now - self._full_at >= _FULL_EVERY_SECONDS:
            everything = store.devices_with_outstanding(conn)
            with self._lock:
                self._seen = dict.fromkeys(everything, self._round)
            self._full_at = now
        else:
            lately = store.devices_queued_since(conn, self._since)
            with self._lock:
                self._seen.update(dict.fromkeys(lately, self._round))
        self._since = since

    def mark(self, uid: str) -> int | None:
        """Not none when something may wait for the device; the number goes back into ``settle``."""
        return self._seen.get(uid)

    def settle(self, uid: str, mark: int) -> None:
        """A query after ``mark`` found nothing: forget the device, unless a refresh saw it since."""
        with self._lock:
            if self._seen.get(uid) == mark:
                del self._seen[uid]
