"""A reason has ten to a thousand characters that can be printed, for every deed that needs one."""

from __future__ import annotations

import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.reasons import read_reason


@pytest.mark.parametrize(
    "text", ["", "too short", " " * 40, "a" * 9 + " " * 40, "x" * 1001, "nobody can\x00 print this"]
)
def test_what_is_no_reason(text: str) -> None:
    with pytest.raises(Fault) as caught:
        read_reason(text)
    assert (caught.value.code, caught.value.fields[0].pointer) == ("TS-1220", "/reason")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ten of them", "ten of them"),
        ("  a reason\n\twith   blanks ", "a reason with blanks"),
        ("ž" * 1000, "ž" * 1000),
    ],
)
def test_a_reason_is_kept_with_one_blank_between_words(text: str, words: str) -> None:
    assert read_reason(text) == words
