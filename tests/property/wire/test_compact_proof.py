"""Compact codes: round trip, one spelling each, every changed letter noticed, and any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taxcore_values import PREFIX, only_faults, verification_data

from tallystick.kernel.faults import Fault
from tallystick.wire.compact_proof import compact_link, compact_proof, read_code, write_code
from tallystick.wire.verification_url import VerificationData, to_url

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
fitting = verification_data.filter(lambda data: data.time_ms < 2**48)


@given(fitting)
def test_k_10_round_trip(data: VerificationData) -> None:
    proof = compact_proof(data)
    code = write_code(proof)
    assert len(code) == 80
    assert read_code(code) == read_code(code.lower()) == proof
    url = to_url(PREFIX, data)
    if len(url) <= 2048:
        assert compact_link(url).endswith(f"/C/{code}")


@given(fitting, st.integers(0, 79), st.sampled_from(LETTERS))
def test_a_changed_letter_is_noticed_or_another_document(data: VerificationData, place: int, letter: str) -> None:
    """The check of 16 bits is for readers; where it happens to fit, the code is another one, never the same."""
    code = write_code(compact_proof(data))
    changed = code[:place] + letter + code[place + 1 :]
    with only_faults("TS-1220"):
        assert write_code(read_code(changed)) == changed


@given(st.text(max_size=100) | st.text(alphabet=LETTERS, min_size=80, max_size=80))
def test_any_text_is_a_code_or_a_coded_fault(text: str) -> None:
    with only_faults("TS-1220"):
        assert write_code(read_code(text)) == text.upper()


@given(st.text(max_size=100))
def test_any_url_has_a_link_or_a_coded_fault(text: str) -> None:
    for url in (text, "https://" + text, f"https://h/v/?vl={text}"):
        with only_faults("TS-1220"):
            compact_link(url)


@pytest.mark.parametrize("text", ["", "A" * 79, "A" * 81, "1" * 80, "ſ" * 80, "A" * 79 + "\n"])
def test_other_lengths_and_letters_are_refused(text: str) -> None:
    with pytest.raises(Fault):
        read_code(text)
