"""When audits start and requests are handed in (S2-088, S2-108, S2-109, S2-115, S2-120)."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from esdc_bench import START

from tallystick.device.esdc.audit_records import Cycle, CycleState
from tallystick.device.esdc.audit_schedule import AuditFacts, heartbeat_interval, next_start, next_submission
from tallystick.device.esdc.settings import DEMO_TIMING, PRODUCTION_TIMING, Timing
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.wire.card import AmountStatus

MINUTE = timedelta(minutes=1)
P = PRODUCTION_TIMING


def cycle(state: CycleState, last_ordinal: int = 5, submitted: timedelta | None = None) -> Cycle:
    handed_in = None if submitted is None else unix_ms(START + submitted)
    return Cycle(1, state, unix_ms(START.replace(microsecond=0)), last_ordinal, b"arp", 1, 2, handed_in)


def facts(last: Cycle | None = None, *, newest: int = 6, near: bool = False) -> AuditFacts:
    return AuditFacts(opened_at=START.replace(microsecond=0), newest_ordinal=newest, hurry=near, last=last)


def minutes(given: AuditFacts, timing: Timing = P) -> float | None:
    moment = next_start(given, timing)
    return None if moment is None else (moment - START.replace(microsecond=0)) / MINUTE


def test_s2_088_nothing_new_no_start() -> None:
    assert minutes(facts(newest=0)) is None
    assert minutes(facts(cycle(CycleState.FINISHED), newest=5)) is None
    assert minutes(facts(cycle(CycleState.FINISHED), newest=6)) is not None


@pytest.mark.parametrize(
    ("last", "near", "after"),
    [
        (None, False, 30),
        (None, True, 0),
        (CycleState.FINISHED, False, 30),
        (CycleState.FINISHED, True, 10),
        (CycleState.SUPERSEDED, True, 10),
        (CycleState.STARTED, False, 25),
        (CycleState.SUBMITTED, True, 25),
        (CycleState.OPENED, False, 10),
    ],
)
def test_s2_108_109_the_production_presets(last: CycleState | None, near: bool, after: float) -> None:
    assert minutes(facts(cycle(last) if last else None, near=near)) == after


@pytest.mark.parametrize(("used", "after"), [(0, 120), (25, 90), (50, 60), (74, 31.2), (75, 30), (99, 30)])
def test_s2_108_the_period_follows_turnover_and_distance_to_the_limit(used: int, after: float) -> None:
    """Far from the limit: from two hours down to half an hour; S2-109 takes over where it is near."""
    for last in (None, cycle(CycleState.FINISHED)):
        given = attrs.evolve(facts(last), amounts=AmountStatus(Money.of(used), Money.of(100)))
        assert minutes(given) == pytest.approx(after)
        assert minutes(attrs.evolve(given, newest_ordinal=0 if last is None else 5)) is None, "no needless audit"


def test_s2_108_a_limit_of_nothing_is_not_divided_by() -> None:
    assert minutes(attrs.evolve(facts(), amounts=AmountStatus(Money(5), Money(0)))) == 30


def test_the_demo_presets() -> None:
    assert minutes(facts(cycle(CycleState.FINISHED)), DEMO_TIMING) == pytest.approx(20 / 60)
    assert minutes(facts(cycle(CycleState.FINISHED), near=True), DEMO_TIMING) == pytest.approx(5 / 60)


def test_s2_120_no_two_starts_within_the_floor_whatever_the_other_settings_say() -> None:
    hasty = attrs.evolve(P, start_interval=MINUTE, near_limit_interval=MINUTE, proof_patience=MINUTE)
    for state in CycleState:
        for near in (False, True):
            after = minutes(facts(cycle(state), near=near), hasty)
            assert after is not None
            assert after >= 10


def test_a_start_whose_request_was_lost_is_made_again_even_without_new_invoices() -> None:
    """Power failed between Start Audit and keeping its request: the card's limit must not stay for ever."""
    assert minutes(facts(cycle(CycleState.OPENED), newest=5)) == 10


def test_a_request_is_handed_in_at_once_and_again_until_the_proof_comes() -> None:
    started = START.replace(microsecond=0)
    assert next_submission(None, P) is None
    assert next_submission(cycle(CycleState.FINISHED), P) is None
    assert next_submission(cycle(CycleState.SUPERSEDED), P) is None
    assert next_submission(cycle(CycleState.STARTED), P) == started
    again = next_submission(cycle(CycleState.SUBMITTED, submitted=timedelta(seconds=5)), P)
    assert again == START + timedelta(seconds=5) + P.resubmit_interval


def test_the_heartbeat_is_quick_while_a_proof_is_awaited() -> None:
    assert heartbeat_interval(cycle(CycleState.SUBMITTED), P) == MINUTE
    assert heartbeat_interval(cycle(CycleState.FINISHED), P) == 5 * MINUTE
    assert heartbeat_interval(None, P) == 5 * MINUTE


def test_no_preset_calls_more_often_than_once_a_minute_in_production() -> None:
    """The wire's word: authorities need not bear more (6.3)."""
    assert min(P.heartbeat, P.heartbeat_pending) >= MINUTE
    assert P.start_floor >= 10 * MINUTE
