"""How much one device, and all of them together, may ask at a time. Each process counts for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from tallystick.kernel.faults import Fault

PER_SECOND = 50.0
"""Calls of one device that go on for long."""
AT_ONCE = 200.0
"""Calls that may have been saved up, such as those of a till that comes back after a pause."""
IN_WORK_MOST = 1_024
IN_WORK_BYTES_MOST = 64 * 1024 * 1024


@attrs.define(slots=True)
class _Purse:
    left: float
    at: float


class DeviceBudget:
    """A purse for each device that called; they are as many as there are certificates that we issued."""

    def __init__(
        self, monotonic: Callable[[], float], per_second: float = PER_SECOND, at_once: float = AT_ONCE
    ) -> None:
        self._now = monotonic
        self._per_second = per_second
        self._at_once = at_once
        self._purses: dict[str, _Purse] = {}

    def spend(self, uid: str) -> None:
        """One call; raises ``TS-1006`` where a device asks faster than a till can sell."""
        now = self._now()
        purse = self._purses.get(uid)
        if purse is None:
            self._purses[uid] = _Purse(self._at_once - 1, now)
            return
        left = min(self._at_once, purse.left + (now - purse.at) * self._per_second)
        purse.at = now
        if left < 1:
            purse.left = left
            raise Fault("TS-1006", detail=f"more than {self._per_second:g} calls a second", retry_after_seconds=1)
        purse.left = left - 1


class WorkBudget:
    """Requests and bytes that are read or judged at this moment."""

    def __init__(self, most: int = IN_WORK_MOST, most_bytes: int = IN_WORK_BYTES_MOST) -> None:
        self._free = most
        self._free_bytes = most_bytes

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Hold a place and the memory of a body; raises ``TS-5002`` when there is none left."""
        if not self._free or size > self._free_bytes:
            raise Fault("TS-5002", detail="too many requests are in work", retry_after_seconds=1)
        self._free -= 1
        self._free_bytes -= size
        try:
            yield
        finally:
            self._free += 1
            self._free_bytes += size
