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
_GATE_PAUSE = timedelta(seconds=1)


class IssuanceStrategy(Protocol):
    """Decides about one request from what is held. Pure: no clock, no database."""

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """Prove, wait, name what is missing, or point at a contradiction."""


@attrs.frozen(slots=True)
class EveryDocument:
    """A proof when every ordinal has arrived, ``settle`` after the last arrival, and the sums agree (S2-103, S2-114).

    Two officers' override (S2-104) takes the place of missing documents and of the sum, never of the gate.
    """

    settle: timedelta = PRODUCTION_SETTLE

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """As promised above."""
        request = facts.request
        if not facts.acknowledged:
            return Wait(now + _GATE_PAUSE)
        if request.overridden:
            return Prove(request.unaudited)
        if facts.missing:
            return Incomplete(facts.missing, now + self.settle)
        if facts.last_arrival is not None and facts.last_arrival + self.settle > now:
            return Wait(facts.last_arrival + self.settle)
        held = facts.held()
        return Prove(request.unaudited) if held == request.unaudited else Contradiction(held)
