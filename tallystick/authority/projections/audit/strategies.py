"""When a proof is given: one way for production, others can be put in its place (S2-106)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import attrs

from tallystick.authority.projections.audit.values import (
    AuditFacts,
    Contradiction,
    Decision,
    Incomplete,
    Prove,
    Wait,
)

PRODUCTION_SETTLE = timedelta(minutes=10)
PRODUCTION_PAUSE = timedelta(minutes=1)
_GATE_PAUSE = timedelta(seconds=1)


class IssuanceStrategy(Protocol):
    """Decides about one request from what is held. Pure: no clock, no database."""

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """Prove, wait, name what is missing, or point at a contradiction."""


@attrs.frozen(slots=True)
class EveryDocument:
    """A proof when every ordinal of the audit has arrived, some time has passed, and the sums agree (S2-103).

    The time runs from the last arrival among the documents that the audit covers: ``settle`` when that came after the
    start (S2-114, case 2a), else ``pause``, well below the ten minutes after which a busy device starts anew and voids
    the proof (S2-109, S2-111). Sales after the start never hold it up. Two officers' override (S2-104) takes the place
    of missing documents and of the sum, never of the gate.
    """

    settle: timedelta = PRODUCTION_SETTLE
    pause: timedelta = PRODUCTION_PAUSE

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """As promised above."""
        request = facts.request
        if not facts.acknowledged:
            return Wait(now + _GATE_PAUSE)
        if request.overridden:
            return Prove(request.unaudited)
        if facts.missing:
            return Incomplete(facts.missing, now + self.settle)
        due = self._due(facts)
        if due > now:
            return Wait(due)
        held = facts.held()
        return Prove(request.unaudited) if held == request.unaudited else Contradiction(held)

    def _due(self, facts: AuditFacts) -> datetime:
        start, last = facts.request.received_at, facts.last_arrival
        if last is None:
            return start
        return last + (self.settle if last > start else self.pause)
