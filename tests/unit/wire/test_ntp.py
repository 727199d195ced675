"""Which answers of a time server count, and where the field says that one listens (RFC 4330, RFC 5905)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel.faults import Fault
from tallystick.wire.ntp import NtpPacket, TimeServer, moment_to_ntp, ntp_to_moment, read_answer

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NONCE = 0x1122334455667788


def answer(**changes: Any) -> bytes:
    """A good answer that came at once from a clock that agrees."""
    fields: dict[str, Any] = {
        "mode": 4,
        "stratum": 2,
        "origin": NONCE,
        "receive": moment_to_ntp(NOW),
        "transmit": moment_to_ntp(NOW),
    }
    return NtpPacket(**fields | changes).encode()


def test_a_good_answer() -> None:
    sample = read_answer(answer() + b"extension", NONCE, NOW - timedelta(seconds=30), NOW - timedelta(seconds=29))
    assert sample.offset == timedelta(seconds=29.5)
    assert sample.delay == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"origin": NONCE + 1}, "another question"),
        ({"mode": 3}, "no answer of a server"),
        ({"mode": 5}, "no answer of a server"),
        ({"version": 0}, "no answer of a server"),
        ({"leap": 3}, "no time itself"),
        ({"stratum": 16}, "no time itself"),
        ({"transmit": 0}, "not sure"),
        ({"receive": 0}, "not sure"),
        ({"root_dispersion": 2 << 16}, "not sure"),
        ({"root_delay": 4 << 16}, "not sure"),
        ({"receive": moment_to_ntp(NOW + timedelta(seconds=1))}, "contradict"),
    ],
)
def test_ts_3130_what_cannot_be_used(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Fault, match=said) as refused:
        read_answer(answer(**wrong), NONCE, NOW, NOW)
    assert refused.value.code == "TS-3130"


def test_a_server_that_held_the_question_longer_than_we_waited() -> None:
    held = answer(transmit=moment_to_ntp(NOW + timedelta(seconds=5)))
    with pytest.raises(Fault, match="contradict"):
        read_answer(held, NONCE, NOW, NOW + timedelta(seconds=1))


@pytest.mark.parametrize("code", [b"DENY", b"RSTR", b"RATE"])
def test_ts_3131_a_kiss_of_death_is_told_by_its_code(code: bytes) -> None:
    with pytest.raises(Fault) as kissed:
        read_answer(answer(stratum=0, reference_id=code), NONCE, NOW, NOW)
    assert (kissed.value.code, kissed.value.detail) == ("TS-3131", code.decode())


def test_a_kiss_that_answers_no_question_of_ours_is_noise() -> None:
    with pytest.raises(Fault, match="TS-3130"):
        read_answer(answer(stratum=0, reference_id=b"DENY", origin=1), NONCE, NOW, NOW)


def test_the_count_of_2036_is_read() -> None:
    assert ntp_to_moment(0xFFFFFFFF << 32) == datetime(2036, 2, 7, 6, 28, 15, tzinfo=UTC)
    assert ntp_to_moment(0) == datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC)
    assert moment_to_ntp(datetime(1970, 1, 1, tzinfo=UTC)) >> 32 == 2_208_988_800


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.europe.pool.ntp.org", "0.europe.pool.ntp.org", 123),
        ("http://0.europe.pool.ntp.org:80/", "0.europe.pool.ntp.org", 123),
        ("https://time.example/", "time.example", 123),
        (" time.example:1123 ", "time.example", 1123),
        ("ntp://time.example:1123", "time.example", 1123),
        ("127.0.0.1", "127.0.0.1", 123),
        ("2001:db8::1", "2001:db8::1", 123),
        ("[2001:db8::1]:1123", "2001:db8::1", 1123),
    ],
)
def test_s2_018_forms_of_an_address(text: str, host: str, port: int) -> None:
    assert TimeServer.of(text) == TimeServer(host, port)


@pytest.mark.parametrize("text", ["", "  ", "http://", "a b", "-x.example", "x.example:99999", "x" * 300, "a..b", "\0"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Fault, match="TS-3130"):
        TimeServer.of(text)
