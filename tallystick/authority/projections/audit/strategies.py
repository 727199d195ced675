"""When a proof is given: two ways, of which the setting `proof_strategy` takes one, and room for others (S2-106)."""

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
from tallystick.kernel.fixed_point import Money

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
    of the documents that it excuses and of their turnover, never of the gate, of other documents, or of another sum.
    """

    settle: timedelta = PRODUCTION_SETTLE
    pause: timedelta = PRODUCTION_PAUSE

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """As promised above."""
        if not facts.acknowledged:
            return Wait(now + _GATE_PAUSE)
        if facts.missing:
            return Incomplete(facts.missing, now + self.settle)
        due = self._due(facts)
        return Wait(due) if due > now else by_sums(facts)

    def _due(self, facts: AuditFacts) -> datetime:
        start, last = facts.request.received_at, facts.last_arrival
        if last is None:
            return start
        return last + (self.settle if last > start else self.pause)


@attrs.frozen(slots=True)
class AtOnceWhenTrusted:
    """By risk: a complete audit up to ``at_once_up_to`` is proven at once, every other as ``otherwise`` says.

    At once means without the pause, for a taxpayer none of whose cards ever had a sum that contradicted its documents
    (TS-1405), and never on officers' word. What must be here is the same: every document, behind the gate, and the sum.
    """

    at_once_up_to: Money
    otherwise: EveryDocument = EveryDocument()

    def decide(self, facts: AuditFacts, now: datetime) -> Decision:
        """As promised above."""
        trusted = (
            facts.acknowledged
            and not facts.missing
            and facts.override is None
            and facts.request.unaudited.scaled <= self.at_once_up_to.scaled
            and facts.contradictions() == 0
        )
        return by_sums(facts) if trusted else self.otherwise.decide(facts, now)


def by_sums(facts: AuditFacts) -> Decision:
    """A proof when the card's sum is that of its documents and of what is presumed of excused ones (S2-104)."""
    unaudited, held = facts.request.unaudited, facts.held()
    presumed = facts.override.presumed if facts.override is not None else Money(0)
    return Prove(unaudited) if held + presumed == unaudited else Contradiction(held)
