"""The production strategy in one table (S2-103, S2-104, S2-106, S2-114)."""

from __future__ import annotations

from datetime import timedelta

import attrs

from benchmarks.package_maker import LIMIT, NOW
from tallystick.authority.projections.audit.strategies import AtOnceWhenTrusted, EveryDocument
from tallystick.authority.projections.audit.values import (
    AuditFacts,
    AuditRequest,
    Contradiction,
    Incomplete,
    Prove,
    UsedOverride,
    Wait,
)
from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.proofs import strategy_of
from tallystick.ops.settings import Settings

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


def word(presumed: int) -> UsedOverride:
    """Two officers' word about ordinals 1 and 2."""
    return UsedOverride("vera", "omar", "burnt with the shop", NOW, ((1, 2),), Money(presumed))


def test_s2_104_two_officers_word_takes_the_place_of_the_documents_that_it_excuses_alone() -> None:
    decide = EveryDocument(settle=SETTLE, pause=PAUSE).decide
    lost = facts(override=word(20), held=lambda: Money(10))
    assert decide(lost, NOW) == Prove(Money(30))
    assert isinstance(decide(attrs.evolve(lost, acknowledged=False), NOW), Wait), "never of the gate"
    assert isinstance(decide(attrs.evolve(lost, missing=((3, 3),)), NOW), Incomplete), "nor of another document"
    assert decide(facts(override=word(20), held=lambda: Money(9)), NOW) == Contradiction(Money(9)), "nor of a sum"


def test_s2_106_the_trusted_get_their_proof_at_once() -> None:
    """Only the pause falls away: documents, gate and sums count as they do for everybody."""
    slow = EveryDocument(settle=SETTLE, pause=PAUSE)
    decide = AtOnceWhenTrusted(Money(30), slow).decide
    fresh = facts(last_arrival=NOW)
    assert decide(fresh, NOW) == Prove(Money(30))
    assert decide(attrs.evolve(fresh, held=lambda: Money(29)), NOW) == Contradiction(Money(29))
    waits = [
        attrs.evolve(fresh, contradictions=lambda: 1),
        attrs.evolve(fresh, override=word(0)),
        attrs.evolve(fresh, acknowledged=False),
    ]
    assert all(isinstance(decide(one, NOW), Wait) for one in waits)
    assert isinstance(decide(attrs.evolve(fresh, missing=((1, 1),)), NOW), Incomplete)
    assert isinstance(AtOnceWhenTrusted(Money(29), slow).decide(fresh, NOW), Wait), "above the amount"


def test_s2_106_a_setting_chooses_the_strategy() -> None:
    assert strategy_of(Settings()) == EveryDocument()
    assert strategy_of(Settings(proof_strategy="trusted", proof_at_once_up_to=5)) == AtOnceWhenTrusted(Money.of(5))
