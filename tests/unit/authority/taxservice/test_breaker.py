"""When a document is sent again, and when the service is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.projections.taxservice.breaker import (
    FAILURES_TO_OPEN,
    FIRST_PAUSE_SECONDS,
    FIRST_PROBE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_PROBE_SECONDS,
    TRIES_MOST,
    Breaker,
    pause_after,
)

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NONE = timedelta(0)


def surely() -> float:
    """No chance: the whole ceiling."""
    return 1.0


def opened() -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        assert not breaker.is_open
        breaker = breaker.failed(NOW, "away", NONE, surely)
    return breaker


def test_pauses_grow_and_are_jittered_and_bounded() -> None:
    ceilings = [pause_after(tries, surely).total_seconds() for tries in range(TRIES_MOST)]
    assert ceilings[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert ceilings[-1] == LONGEST_PAUSE_SECONDS
    assert sum(ceilings) > 9 * 3_600, "whoever mends the service has a working day"
    assert pause_after(3, lambda: 0.0) == pause_after(3, surely) / 2


def test_it_opens_after_failures_in_a_row_and_one_document_asks() -> None:
    breaker = opened()
    assert breaker.is_open
    assert breaker.probe_at == NOW + timedelta(seconds=FIRST_PROBE_SECONDS)
    assert breaker.allows(NOW, 16, 0) == 0
    at = NOW + timedelta(seconds=FIRST_PROBE_SECONDS)
    assert breaker.allows(at, 16, 0) == 1
    assert breaker.allows(at, 16, 1) == 0, "one at a time"
    assert breaker.allows(at, 0, 0) == 0
    assert Breaker().allows(NOW, 16, 3) == 16


def test_an_answer_closes_it_and_begins_the_count_anew() -> None:
    assert opened().answered(NOW) == Breaker(answered_at=NOW)
    breaker = Breaker()
    for _ in range(10 * FAILURES_TO_OPEN):
        breaker = breaker.failed(NOW, "away", NONE, surely).failed(NOW, "away", NONE, surely).answered(NOW)
    assert not breaker.is_open


def test_what_was_on_its_way_when_it_opened_does_not_put_the_question_off() -> None:
    breaker = opened()
    assert breaker.failed(NOW, "away", NONE, surely) == breaker


@given(st.integers(1, 60))
def test_questions_become_rarer_up_to_a_bound(asked: int) -> None:
    breaker, at = opened(), NOW
    for _ in range(asked):
        assert breaker.probe_at is not None
        at = breaker.probe_at
        breaker = breaker.failed(at, "away", NONE, surely)
    assert breaker.probe_at is not None
    pause = min(LONGEST_PROBE_SECONDS, FIRST_PROBE_SECONDS * 2**asked)
    assert breaker.probe_at - at == timedelta(seconds=pause)
    assert breaker.open_since == NOW


def test_the_service_may_ask_to_be_left_alone_for_longer() -> None:
    breaker, hour = Breaker(), timedelta(hours=1)
    for _ in range(FAILURES_TO_OPEN):
        breaker = breaker.failed(NOW, "maintenance", hour, surely)
    assert breaker.probe_at == NOW + hour
