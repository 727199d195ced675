"""How long a proof of audit takes when nothing is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.values import AuditFacts, AuditRequest, Prove, Wait
from tallystick.kernel.fixed_point import Money

ARRIVED = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
A_MINUTE = timedelta(minutes=1)
REQUEST = AuditRequest(
    request_id=1,
    uid="ABCD1234",
    audit_sequence=1,
    nonce=bytes(32),
    total_counter=3,
    proven_counter=0,
    unaudited=Money(30),
    limit=Money(1000),
    received_at=ARRIVED,
)
COMPLETE = AuditFacts(
    request=REQUEST, missing=(), last_arrival=ARRIVED, acknowledged=True, held=lambda: REQUEST.unaudited
)


def test_s2_111_a_proof_is_due_well_within_ten_minutes_when_nothing_is_missing() -> None:
    """In production: a minute after the last arrival before the start; after a quiet hour at once."""
    decide = EveryDocument().decide
    for seconds in (0, 1, 59):
        assert decide(COMPLETE, ARRIVED + timedelta(seconds=seconds)) == Wait(ARRIVED + A_MINUTE)
    assert decide(COMPLETE, ARRIVED + A_MINUTE) == Prove(Money(30))
    quiet = attrs.evolve(COMPLETE, last_arrival=ARRIVED - timedelta(hours=1))
    assert decide(quiet, ARRIVED) == Prove(Money(30))


def test_s2_114_ten_minutes_pass_after_an_arrival_behind_the_start() -> None:
    late = attrs.evolve(COMPLETE, last_arrival=ARRIVED + A_MINUTE)
    decide = EveryDocument().decide
    assert decide(late, ARRIVED + TEN_MINUTES) == Wait(ARRIVED + A_MINUTE + TEN_MINUTES)
    assert decide(late, ARRIVED + A_MINUTE + TEN_MINUTES) == Prove(Money(30))
