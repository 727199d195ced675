"""What the device is doing right now, for whoever looks at it (S2-121, S2-126, S2-131)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class Doing(StrEnum):
    """Work that takes long enough to be told to a person."""

    TRANSFER = "transfer"
    MEDIUM = "medium"
    COMMANDS = "commands"


SHOWN_SECONDS = 2.0
"""Work that has ended stays visible for so long, or nobody would ever see what takes milliseconds."""


class Activity:
    """Entered and left from any thread."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._running: dict[Doing, int] = {}
        self._ended: dict[Doing, float] = {}

    @contextmanager
    def of(self, doing: Doing) -> Iterator[None]:
        """While this is open, the device does it."""
        with self._lock:
            self._running[doing] = self._running.get(doing, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[doing] -= 1
                self._ended[doing] = self._steady()

    def now(self) -> frozenset[Doing]:
        """What runs, or ended a moment ago."""
        with self._lock:
            since = self._steady() - SHOWN_SECONDS
            recent = {doing for doing, ended in self._ended.items() if ended > since}
            return frozenset(recent | {doing for doing, count in self._running.items() if count})
