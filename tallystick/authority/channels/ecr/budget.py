"""How much one device, and all of them together, may ask at a time. Each process counts for itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import attrs

from tallystick.kernel.faults import Fault

PER_SECOND = 50.0
"""Calls of one device that go on for long."""
AT_ONCE = 200.0
"""Calls that may have been saved up, such as those of a till that comes back after a pause."""
PURSES_MOST = 200_000
STRANGERS_PER_SECOND = 0.5
STRANGERS_AT_ONCE = 20.0
"""A register that has no certificate presents itself a few times a day; a shop's new ones share an address."""
STRANGERS_IN_WORK_MOST = 4
IN_WORK_MOST = 1_024
IN_WORK_BYTES_MOST = 64 * 1024 * 1024


@attrs.define(slots=True)
class _Purse:
    left: float
    at: float


class CallBudget:
    """A purse for each caller, at most so many purses: the one that was not used for longest goes.

    Devices are as many as there are certificates that we issued; strangers are told by their addresses.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        per_second: float = PER_SECOND,
        at_once: float = AT_ONCE,
        purses_most: int = PURSES_MOST,
    ) -> None:
        self._now = monotonic
        self._per_second = per_second
        self._at_once = at_once
        self._most = purses_most
        self._purses: OrderedDict[str, _Purse] = OrderedDict()

    def spend(self, caller: str) -> None:
        """One call; raises ``TS-1006`` where a caller asks faster than it may."""
        now = self._now()
        purse = self._purses.get(caller)
        if purse is None:
            self._purses[caller] = _Purse(self._at_once - 1, now)
            if len(self._purses) > self._most:
                self._purses.popitem(last=False)
            return
        self._purses.move_to_end(caller)
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

    def hold(self, size: int) -> _Held:
        """Hold a place and the memory of a body until the block ends; raises ``TS-5002`` when there is none left."""
        return _Held(self, size)


class _Held:
    """A place in the budget. A class, for every document passes here and a generator costs three times as much."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: WorkBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def __enter__(self) -> None:
        budget = self._budget
        if not budget._free or self._size > budget._free_bytes:
            raise Fault("TS-5002", detail="too many requests are in work", retry_after_seconds=1)
        budget._free -= 1
        budget._free_bytes -= self._size

    def __exit__(self, *_: object) -> None:
        budget = self._budget
        budget._free += 1
        budget._free_bytes += self._size
