"""What the queue to the tax service counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from tallystick.authority.projections.taxservice.values import Outcome

ANSWERS = Counter("tallystick_taxservice_answers", "Documents sent to the tax service, by outcome", ["outcome"])
AWAY = Gauge("tallystick_taxservice_away", "1 while the tax service is taken to be away")


def count(outcome: Outcome) -> None:
    """Count what came of one sending."""
    ANSWERS.labels(outcome=type(outcome).__name__.lower()).inc()
