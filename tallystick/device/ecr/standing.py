"""What a register shows of itself, and what it asks of the memory and the orders that it works under."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs

from tallystick.device.ecr.batches import Memory as SendingMemory
from tallystick.device.ecr.offline_window import OfflineWindow
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.kernel.shifts import RegisterState


class Memory(SendingMemory, Protocol):
    """What the register asks of write-once memory beside its way: a seal and an anchor at a synchronisation."""

    def is_almost_full(self) -> bool:
        """Whether a new memory should be ordered."""

    def release(self) -> None:
        """Let go of the medium."""


class Orders(Protocol):
    """What the authority wants of this register for now (S0-030)."""

    @property
    def why_held(self) -> str:
        """Why it may sell nothing; empty where it may."""

    @property
    def to_install(self) -> tuple[str, datetime] | None:
        """The build (hex) that shall be installed, and until when."""

    def applied(self, setup: RegisterSetup) -> RegisterSetup:
        """The setup as it holds now."""

    def close(self) -> None:
        """Let go of the file."""


@attrs.frozen(slots=True, kw_only=True)
class Status:
    """What is always shown. ``open_fate`` tells that a document's fate is not known; ``late`` counts answers that
    nobody took; ``trouble`` is why the last try to reach the authority failed; ``apart`` which documents of the newest
    batch are not all in the ledger, with the authority's codes; ``awaits_release`` that the authority has our batch and
    books it once it takes us off hold; ``barred`` that our certificate is revoked."""

    uid: str
    works_offline: bool
    state: RegisterState
    waiting: int
    window: OfflineWindow
    closes_by: datetime | None
    open_fate: bool
    late: int
    stopped: str
    barred: str
    trouble: str
    apart: str
    awaits_release: bool
    memory_almost_full: bool
    not_after: datetime
    now: datetime

    @property
    def must_close(self) -> bool:
        """Whether the shift is too old to sell in."""
        return self.closes_by is not None and self.now >= self.closes_by
