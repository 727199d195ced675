"""How long a batch waits: a lone document not at all, a stream as long as a batch takes, never again for nothing."""

import pytest

from tallystick.authority.ledger.pace import WAIT_SECONDS_MAX, Pace


def stream(pace: Pace, *, batches: int, count: int, every_seconds: float) -> None:
    for number in range(batches):
        pace.closed(count, 100 + number * every_seconds)


def test_a_lone_document_does_not_wait() -> None:
    pace = Pace()
    assert pace.wait_seconds() == 0
    stream(pace, batches=20, count=1, every_seconds=0.5)
    assert pace.wait_seconds() == 0


def test_a_stream_waits_for_company() -> None:
    pace = Pace()
    stream(pace, batches=20, count=20, every_seconds=0.02)
    assert 900 < pace.rate < 1100
    assert pace.wait_seconds() == WAIT_SECONDS_MAX == 0.020
    assert 0.003 <= pace.quiet_seconds <= 0.005


def test_waiting_for_nothing_is_unlearned_and_learned_again() -> None:
    """One client that sends the next document after each answer gains nothing from a wait."""
    pace = Pace()
    stream(pace, batches=20, count=1, every_seconds=0.002)
    waits = 0
    for _ in range(200):
        if pace.wait_seconds():
            waits += 1
            pace.waited(0)
    assert waits < 20
    while not pace.wait_seconds():
        pass
    pace.waited(7)
    assert pace.wait_seconds()
    assert pace.wait_seconds()


def test_a_pause_ends_the_stream() -> None:
    pace = Pace()
    stream(pace, batches=20, count=20, every_seconds=0.02)
    pace.closed(1, 200.0)
    assert pace.wait_seconds() == 0


@pytest.mark.parametrize(("took", "waits"), [(0.004, 0.004), (0.019, 0.019), (0.3, WAIT_SECONDS_MAX), (-1.0, 0.0)])
def test_a_batch_waits_as_long_as_the_one_before_it_took(took: float, waits: float) -> None:
    pace = Pace()
    stream(pace, batches=200, count=400, every_seconds=0.02)
    pace.answered(100 + 199 * 0.02 + took)
    assert pace.wait_seconds() == pytest.approx(waits)


def test_nobody_waits_where_nobody_is_likely_to_come() -> None:
    """At 200 a second five milliseconds bring one more, four do not."""
    pace = Pace()
    stream(pace, batches=200, count=4, every_seconds=0.02)
    last = 100 + 199 * 0.02
    pace.answered(last + 0.0055)
    assert pace.wait_seconds() > 0
    pace.answered(last + 0.0045)
    assert pace.wait_seconds() == 0
