"""The part of a store that proof of audit needs: cycles, from the remembered ordinal to the proof (S2-105, S2-113)."""

from __future__ import annotations

from enum import IntEnum

import attrs

from tallystick.device.esdc.database import Database


class CycleState(IntEnum):
    """How far a cycle has come; a newer Start supersedes every open one (S2-115)."""

    OPENED = 1
    STARTED = 2
    SUBMITTED = 3
    FINISHED = 4
    SUPERSEDED = 5


@attrs.frozen(slots=True)
class Cycle:
    """One Start Audit: what was the last ordinal, and what the card said."""

    cycle: int
    state: CycleState
    started_ms: int
    last_ordinal: int
    request: bytes | None
    sum: int | None
    limit: int | None
    submitted_ms: int | None

    @property
    def is_open(self) -> bool:
        """Whether the card awaits a proof for it."""
        return self.state in (CycleState.STARTED, CycleState.SUBMITTED)


class AuditRecords:
    """Cycles of one card."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> Cycle | None:
        """The newest cycle, in whatever state."""
        row = self._database.row("newest_cycle")
        return Cycle(row[0], CycleState(row[1]), *row[2:]) if row else None

    def open(self, last_ordinal: int, started_ms: int) -> int:
        """Remember the last ordinal before the card is asked to start; older cycles are superseded."""
        with self._database as writing:
            writing.run("end_cycles", {"state": CycleState.SUPERSEDED})
            return writing.run("add_cycle", {"started_ms": started_ms, "last_ordinal": last_ordinal})

    def note_started(self, cycle: int, request: bytes, sum: int, limit: int) -> None:
        """Keep what the card gave for the start (amounts x 10000)."""
        with self._database as writing:
            writing.run("set_started", {"cycle": cycle, "request": request, "sum": sum, "card_limit": limit})

    def note_submitted(self, cycle: int, submitted_ms: int) -> None:
        """The authority took the request."""
        with self._database as writing:
            writing.run("set_submitted", {"cycle": cycle, "submitted_ms": submitted_ms})

    def finish(self, cycle: Cycle) -> None:
        """The card accepted the proof: packages up to the remembered ordinal go, their hash records stay (S2-112)."""
        with self._database as writing:
            writing.run("set_finished", {"cycle": cycle.cycle})
            writing.run("set_audited", {"ordinal": cycle.last_ordinal})
            writing.run("drop_audited_packages", {"ordinal": cycle.last_ordinal})

    def finished_count(self) -> int:
        """How many cycles ended with a proof."""
        row = self._database.row("finished_cycles")
        return row[0] if row else 0
