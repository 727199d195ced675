"""Tokens come from the server's key, the certificate and the moment, and from nothing that is stored (S2-092)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tallystick.authority.channels.sdc import tokens
from tallystick.authority.channels.sdc.store import TokenRow

KEY, THUMBPRINT = b"k" * 32, b"t" * 32
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def test_the_construction_calculated_a_second_time() -> None:
    milliseconds = int(AT.timestamp() * 1000)
    digest = bytearray(hmac.new(KEY, THUMBPRINT + milliseconds.to_bytes(8, "big"), hashlib.sha256).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x40
    digest[8] = digest[8] & 0x3F | 0x80
    assert tokens.token_text(KEY, THUMBPRINT, AT) == str(UUID(bytes=bytes(digest)))


def test_every_part_matters() -> None:
    made = {
        tokens.token_text(KEY, THUMBPRINT, AT),
        tokens.token_text(b"q" * 32, THUMBPRINT, AT),
        tokens.token_text(KEY, b"u" * 32, AT),
        tokens.token_text(KEY, THUMBPRINT, AT + timedelta(milliseconds=1)),
    }
    assert len(made) == 4


def test_spellings_of_one_token_have_one_hash() -> None:
    text = tokens.token_text(KEY, THUMBPRINT, AT)
    expected = hashlib.sha256(text.encode()).digest()
    for spelling in (text, text.upper(), f"{{{text}}}", text.replace("-", ""), f" {text} "):
        assert tokens.token_hash(spelling.encode()) == expected


@pytest.mark.parametrize("text", [b"", b"x", b"\xff" * 36, b"z" * 36, b"1" * 31, b"1" * 65, "٣".encode() * 16])
def test_what_is_no_guid_has_no_hash(text: bytes) -> None:
    assert tokens.token_hash(text) is None


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_CACHED_MOST", 3)
    cache = tokens.TokenCache()
    row = TokenRow(b"h" * 32, "ABCD1234", THUMBPRINT, AT, AT + tokens.LIFETIME)
    for number in range(5):
        cache.put(str(number).encode(), row)
    assert [cache.get(str(number).encode()) is row for number in range(5)] == [False, False, True, True, True]
    cache.drop(b"4")
    assert cache.get(b"4") is None
