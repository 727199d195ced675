"""How many compact codes that nobody confirms one address may ask for: guessing is slow as well as hopeless.

A code that is confirmed costs nothing, so a market hall behind one address checks as much as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kit.address_budget import AddressBudget

_WINDOW = timedelta(minutes=1)


@attrs.define(slots=True)
class Asking:
    """One look-up, and what came of it."""

    was_unknown: bool = False


class UnknownCodes:
    """The codes without an answer of the last minute, by address."""

    def __init__(self, per_minute: int = LIMITS.unknown_codes_per_address_minute) -> None:
        self._budget = AddressBudget(per_minute, _WINDOW)

    def spend(self, address: str, now: datetime) -> None:
        """One more code that may turn out unknown; raises ``TS-4009`` with the wait when there were too many."""
        if wait := self._budget.spend(address, now):
            raise Fault("TS-4009", detail="too many codes that nobody knows", retry_after_seconds=wait)

    @contextmanager
    def asking(self, address: str, now: datetime) -> Iterator[Asking]:
        """Spend one while a code is looked up; it is given back unless the code ``was_unknown``. Raises ``TS-4009``."""
        self.spend(address, now)
        asking = Asking()
        try:
            yield asking
        finally:
            if not asking.was_unknown:
                self.give_back(address)

    def give_back(self, address: str) -> None:
        """The code was known after all, or could not be looked up."""
        self._budget.give_back(address)
