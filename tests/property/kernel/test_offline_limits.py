"""S0-032, K-15: how long a device was away, by our clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.offline_limits import Lateness, Outage, too_long, waited

START = datetime(2026, 5, 1, tzinfo=UTC)
hours = st.integers(1, 200)


def outage(begin: float, length: float, after: int = 0, up_to: int | None = None) -> Outage:
    since = START + timedelta(hours=begin)
    return Outage(since=since, until=since + timedelta(hours=length), after=after, up_to=up_to)


@given(hours, hours)
def test_the_continuous_limit_is_passed_and_not_reached(length: int, limit: int) -> None:
    rules = ChannelRules(offline_hours=limit)
    assert bool(too_long([outage(0, length)], rules)) == (length > limit)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(1, 60)), min_size=1, max_size=10), st.integers(20, 200))
def test_the_rolling_limit_counts_what_lies_in_its_days(spans: list[tuple[int, int]], limit: int) -> None:
    """Against a count hour by hour."""
    rules = ChannelRules(offline_hours=10_000, rolling_hours=limit, rolling_days=7)
    at = 0
    outages: list[Outage] = []
    away: list[int] = []
    for pause, length in spans:
        at += pause
        outages.append(outage(at, length))
        away += range(at, at + length)
        at += length
    found = {one.since for one in too_long(reversed(outages), rules)}
    for one in outages:
        end = int((one.until - START) / timedelta(hours=1))
        spent = sum(1 for hour in away if end - 7 * 24 <= hour < end)
        assert (one.since in found) == (spent > limit)


@given(st.integers(1, 30), st.integers(0, 20), st.integers(0, 20))
def test_an_outage_covers_the_numbers_between_what_was_known(sequence: int, after: int, more: int) -> None:
    one = outage(0, 80, after, after + more)
    rules = ChannelRules(offline_hours=72)
    late = Lateness([one], rules).reaches(sequence, one.until, one.until)
    assert late == (after < sequence <= after + more)
    open_end = Lateness([outage(0, 80, after)], rules)
    assert open_end.reaches(sequence, one.until, one.until) == (sequence > after)


def test_what_is_old_by_its_own_word_is_late() -> None:
    rules = ChannelRules(offline_hours=72)
    limit = timedelta(hours=72)
    assert not Lateness([], rules).reaches(1, START, START + limit)
    assert Lateness([], rules).reaches(1, START, START + limit + timedelta(milliseconds=1))
    assert not Lateness([], rules).reaches(1, START + timedelta(days=9), START)


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 80 * 60))
def test_k_15_no_head_frees_what_was_made_in_the_outage_by_its_own_word(
    sequence: int, after: int, more: int, minute: int
) -> None:
    """A device may say a head far ahead before it goes silent, or a low one when it is back."""
    rules = ChannelRules(offline_hours=72)
    one = outage(0, 80, after, after + more)
    made_at = one.since + timedelta(minutes=minute)
    inside = one.since + rules.time_window < made_at < one.until - rules.time_window
    assert Lateness([one], rules).reaches(sequence, made_at, made_at) == (inside or one.covers(sequence))


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 80 * 60)), min_size=1, max_size=6), st.data())
def test_a_stretch_may_be_late_whenever_one_of_its_documents_is(
    made: list[tuple[int, int]], data: st.DataObject
) -> None:
    """What is judged together is never judged milder than one by one."""
    rules = ChannelRules(offline_hours=72)
    begin, after = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 60))
    one = outage(begin, begin + data.draw(st.integers(1, 80)), after, data.draw(st.sampled_from([None, after + 5])))
    documents = [(number, START + timedelta(minutes=minute)) for number, minute in made]
    received_at = START + timedelta(hours=data.draw(st.integers(0, 160)))
    numbers, times = [number for number, _ in documents], [at for _, at in documents]
    late = Lateness([one], rules)
    if any(late.reaches(number, at, received_at) for number, at in documents):
        assert late.may_reach((min(numbers), max(numbers)), (min(times), max(times)), received_at)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted), max_size=5),
    st.integers(0, 200),
    st.integers(0, 200),
)
def test_s0_032_what_waits_with_us_makes_nothing_older(waits: list[list[int]], made: int, came: int) -> None:
    """Each hour in which a batch of the device lay with us counts for nothing, and is counted once."""
    rules = ChannelRules(offline_hours=72)
    known = [(START + timedelta(hours=begin), START + timedelta(hours=end)) for begin, end in waits]
    made_at, came_at = START + timedelta(hours=made), START + timedelta(hours=came)
    free = sum(1 for hour in range(made, came) if any(begin <= hour < end for begin, end in waits))
    assert waited(known, made_at, came_at) == timedelta(hours=free)
    late = Lateness([], rules, known)
    assert late.reaches(1, made_at, came_at) == (came - made - free > 72)
    assert late.may_reach((1, 2), (made_at, came_at), came_at) == late.reaches(1, made_at, came_at)
