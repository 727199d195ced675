"""What every detector is to this room."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from tallystick.authority.projections.inspections.values import DetectorName, Evidence
from tallystick.authority.room_queries import Connection


class Detector(Protocol):
    """Looks for what is worth a case, a bounded piece at a time; keeps what it must remember in the room's tables."""

    @property
    def name(self) -> DetectorName:
        """Which of the three."""

    def findings(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        """What is to be seen now. One look costs the same however long the ledger is."""

    def holds(self, conn: Connection, evidence: Evidence, at: datetime) -> bool:
        """Whether what was seen is there still."""
