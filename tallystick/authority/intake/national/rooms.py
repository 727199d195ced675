"""How many documents may be in work: of all devices of a process together, and of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.steps import Step
from tallystick.kernel.faults import Fault

IN_WORK_MOST = 1_024
WAITING_PER_DEVICE = 8


class Rooms:
    """Counts documents; a bulk counts as one while its documents are judged. Belongs to one event loop."""

    def __init__(self) -> None:
        self._in_work = 0
        self._waiting: dict[str, int] = {}

    def check(self) -> None:
        """Raises ``TS-5002`` while no more may come in, of whatever device."""
        if self._in_work >= IN_WORK_MOST:
            raise at_step(Step.GATES, Fault("TS-5002", detail="too many documents in work", retry_after_seconds=2))

    @contextmanager
    def hold(self, uid: str) -> Iterator[None]:
        """One document more of a device; raises ``TS-1006`` where it has too many in work."""
        if self._waiting.get(uid, 0) >= WAITING_PER_DEVICE:
            raise at_step(Step.GATES, Fault("TS-1006", detail="wait for the answers", retry_after_seconds=1))
        self._in_work += 1
        self._waiting[uid] = self._waiting.get(uid, 0) + 1
        try:
            yield
        finally:
            self._in_work -= 1
            self._waiting[uid] -= 1
            if not self._waiting[uid]:
                del self._waiting[uid]
