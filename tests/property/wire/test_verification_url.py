"""Verification URLs: round trip in every encoding, every changed bit noticed, and any text at all."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taxcore_values import PREFIX, only_faults, verification_data

from tallystick.kernel.faults import Fault
from tallystick.wire.verification_url import VerificationData, decode, encode, from_url, to_url


@given(verification_data)
def test_s2_056_round_trip_byte_for_byte(data: VerificationData) -> None:
    raw = encode(data)
    assert decode(raw) == data
    assert encode(decode(raw)) == raw
    assert len(raw) == 44 + len(data.buyer_id) + len(data.encrypted_internal_data) + 256 + (
        16 if data.version == 3 else 0
    )


@given(verification_data)
def test_s2_058_every_encoding_says_the_same(data: VerificationData) -> None:
    raw = encode(data)
    text = b64encode(raw).decode()
    forms = (
        to_url(PREFIX, data),
        PREFIX + quote(text, safe=""),
        PREFIX + quote(text, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
        PREFIX + text,
        PREFIX + text.rstrip("="),
        PREFIX + urlsafe_b64encode(raw).decode(),
        PREFIX + text.replace("+", " ") + "&utm=1#x",
    )
    assert to_url(PREFIX, data) == PREFIX + quote(text, safe="")
    for form in forms:
        if len(form) <= 2048:
            assert from_url(form) == data


@given(verification_data.filter(lambda data: data.version == 3), st.data())
def test_k_09_one_changed_bit_is_always_noticed(data: VerificationData, draw: st.DataObject) -> None:
    raw = bytearray(encode(data))
    raw[draw.draw(st.integers(0, len(raw) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(Fault) as caught:
        decode(bytes(raw))
    assert caught.value.code == "TS-1220"


@given(st.binary(max_size=900))
def test_any_bytes_are_data_or_a_coded_fault(raw: bytes) -> None:
    for candidate in (raw, b"\x02" + raw):
        with only_faults("TS-1220"):
            decode(candidate)


@given(st.text() | st.text("vl=?&#%2BFfd+-_/= AQ", max_size=100).map(lambda text: f"?vl={text}"))
def test_any_text_is_data_or_a_coded_fault(text: str) -> None:
    with only_faults("TS-1220"):
        from_url(text)
