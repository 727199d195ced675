"""The production strategy in one table (S2-103, S2-104, S2-106, S2-114)."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.package_maker import LIMIT, NOW
from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.values import (
    AuditFacts,
    AuditRequest,
    Contradiction,
    Incomplete,
    Prove,
    Wait,
)
from tallystick.kernel.fixed_point import Money

SETTLE = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def facts(**changes: object) -> AuditFacts:
    """Facts that call for a proof."""
    request = AuditRequest(
        request_id=1,
        uid="ABCD1234",
        audit_sequence=1,
        nonce=bytes(32),
        total_counter=3,
        proven_counter=0,
        unaudited=Money(30),
        limit=LIMIT,
        received_at=NOW,
        overridden=bool(changes.pop("overridden", False)),
    )
    values: dict[str, object] = {
        "request": request,
        "missing": (),
        "last_arrival": NOW - SETTLE,
        "acknowledged": True,
        "held": lambda: Money(30),
    }
    return AuditFacts(**(values | changes))  # type: ignore[arg-type]  # names are those of the class


def test_the_production_strategy_in_one_table() -> None:
    decide = EveryDocument(settle=SETTLE, pause=PAUSE).decide
    assert decide(facts(), NOW) == Prove(Money(30))
    assert decide(facts(last_arrival=None), NOW) == Prove(Money(30))
    assert decide(facts(missing=((1, 2),)), NOW) == Incomplete(((1, 2),), NOW + SETTLE)
    assert decide(facts(last_arrival=NOW - SECOND), NOW) == Wait(NOW - SECOND + PAUSE), "before the start"
    late = facts(last_arrival=NOW + SECOND)
    assert decide(late, NOW + PAUSE + SECOND) == Wait(NOW + SECOND + SETTLE), "S2-114: after the start"
    assert decide(late, NOW + SECOND + SETTLE) == Prove(Money(30))
    assert decide(facts(held=lambda: Money(29)), NOW) == Contradiction(Money(29))
    assert isinstance(decide(facts(acknowledged=False), NOW), Wait), "the gate"
    overridden = facts(overridden=True, missing=((1, 2),), held=lambda: Money(0))
    assert decide(overridden, NOW) == Prove(Money(30)), "S2-104"
    assert isinstance(decide(facts(overridden=True, acknowledged=False), NOW), Wait)
