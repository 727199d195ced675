"""Network time: every 48 bytes are read and written back alike, times survive, noise gets a coded fault."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.wire.ntp import (
    PACKET_BYTES,
    NtpPacket,
    Sample,
    TimeServer,
    best_sample,
    moment_to_ntp,
    ntp_to_moment,
    question,
    read_answer,
)

FIRST, LAST = datetime(1968, 1, 21), datetime(2104, 2, 25)  # the years that 64 bits can tell apart
moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
spans = st.timedeltas(timedelta(days=-20000), timedelta(days=10000))
short = st.timedeltas(timedelta(0), timedelta(seconds=3))
nonces = st.integers(1, 2**64 - 1)


def code_of(act: Callable[[], object]) -> str:
    """The code with which something is refused, or nothing."""
    try:
        act()
    except Fault as fault:
        return fault.code
    return ""


@given(st.binary(min_size=PACKET_BYTES, max_size=PACKET_BYTES))
def test_any_header_is_written_back_alike(data: bytes) -> None:
    assert NtpPacket.decode(data).encode() == data


@given(moments)
def test_a_moment_survives(moment: datetime) -> None:
    assert ntp_to_moment(moment_to_ntp(moment)) == moment


@given(nonces)
def test_a_question_tells_nothing_but_its_number(nonce: int) -> None:
    data = question(nonce)
    assert len(data) == PACKET_BYTES
    assert data[0] == 0x23
    assert int.from_bytes(data[40:], "big") == nonce
    assert not any(data[1:40])


@given(st.binary(max_size=80), nonces)
def test_noise_is_refused_with_a_code(data: bytes, nonce: int) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    code = code_of(lambda: read_answer(data, nonce, now, now))
    assert code in ("TS-3130", "TS-3131") or int.from_bytes(data[24:32], "big") == nonce


@given(st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)), spans, short, short, short)
def test_the_offset_is_found_within_half_the_way(
    truth: datetime, behind: timedelta, there: timedelta, held: timedelta, back: timedelta
) -> None:
    """Our clock is wrong by any amount: what is computed differs from it by at most half of the round trip."""
    if not FIRST.replace(tzinfo=UTC) < truth < LAST.replace(tzinfo=UTC):
        return
    sent, received = truth - behind, truth - behind + there + held + back
    answer = NtpPacket(
        mode=4,
        stratum=2,
        origin=7,
        receive=moment_to_ntp(truth + there),
        transmit=moment_to_ntp(truth + there + held),
    )
    sample = read_answer(answer.encode(), 7, sent, received)
    assert abs(sample.offset - behind) <= (there + back) / 2 + timedelta(microseconds=2)
    assert abs(sample.delay - (there + back)) <= timedelta(microseconds=2)


@given(st.lists(st.builds(Sample, spans, short), min_size=1, max_size=6))
def test_the_best_is_the_shortest_or_none(samples: list[Sample]) -> None:
    code = code_of(lambda: best_sample(samples))
    assert code == "TS-3130" or best_sample(samples).delay == min(one.delay for one in samples)


@given(st.text(max_size=60))
def test_any_text_is_a_server_or_a_fault(text: str) -> None:
    code = code_of(lambda: TimeServer.of(text))
    assert code == "TS-3130" or TimeServer.of(str(TimeServer.of(text))) == TimeServer.of(text)


def test_an_offset_needs_most_of_the_answers() -> None:
    near, far = Sample(timedelta(0), timedelta(0)), Sample(timedelta(hours=1), timedelta(milliseconds=10))
    with pytest.raises(Fault, match="TS-3130"):
        best_sample([near, far])
    assert best_sample([far, near, near]) == near
