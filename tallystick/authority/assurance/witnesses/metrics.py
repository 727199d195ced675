"""What the worker tells about the witnesses."""

from __future__ import annotations

from prometheus_client import Gauge

LATE = Gauge("tallystick_witnesses_late", "Witnesses of the policy that have not cosigned for a minute")
CONFLICTS = Gauge("tallystick_checkpoint_conflicts", "Signed heads that contradict the ledger, ever found")
QUORUM_AGE_SECONDS = Gauge("tallystick_witness_quorum_age_seconds", "Seconds since the quorum of witnesses was met")
