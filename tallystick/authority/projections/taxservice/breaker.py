"""When a document is sent again, and when the service is left alone: rules without time and chance of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

import attrs

from tallystick.kit.retry import backoff_seconds

TRIES_MOST = 20
"""How often a document alone may bring trouble before a person must look: nearly ten hours."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2.0, 3_600.0
FAILURES_TO_OPEN = 8
"""In a row, over all documents: then the service itself is in trouble."""
FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS = 5.0, 300.0
_DOUBLINGS_MOST = 40
_TROUBLE_CHARACTERS = 500

Chance = Callable[[], float]


def pause_after(tries: int, chance: Chance) -> timedelta:
    """How long a document rests after so many tries of its own: a growing ceiling, and half of it at least."""
    return _pause(tries, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, chance)


def _pause(number: int, first: float, most: float, chance: Chance) -> timedelta:
    pauses = backoff_seconds(first_seconds=first, most_seconds=most, chance=chance)
    return timedelta(seconds=next(islice(pauses, min(number, _DOUBLINGS_MOST), None)))


@attrs.frozen(slots=True, kw_only=True)
class Breaker:
    """How the service stands. While it is open, one document at a time asks whether the service is back."""

    failures: int = 0
    open_since: datetime | None = None
    probe_at: datetime | None = None
    trouble: str = ""
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the service is taken to be away."""
        return self.open_since is not None

    def allows(self, at: datetime, free: int, in_flight: int) -> int:
        """How many documents may be sent now: as many as there is room for, or one to ask."""
        if self.probe_at is None:
            return free
        return min(1, free) if at >= self.probe_at and not in_flight else 0

    def answered(self, at: datetime) -> Breaker:
        """The service has spoken as agreed."""
        return Breaker(answered_at=at)

    def failed(self, at: datetime, trouble: str, wait: timedelta, chance: Chance) -> Breaker:
        """One more trouble in a row. What was on its way when it opened does not put the next question off."""
        if self.probe_at is not None and at < self.probe_at:
            return self
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN:
            return attrs.evolve(self, failures=failures, trouble=trouble[:_TROUBLE_CHARACTERS])
        asked = failures - FAILURES_TO_OPEN
        pause = max(wait, _pause(asked, FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS, chance))
        return attrs.evolve(
            self,
            failures=failures,
            open_since=self.open_since or at,
            probe_at=at + pause,
            trouble=trouble[:_TROUBLE_CHARACTERS],
        )
