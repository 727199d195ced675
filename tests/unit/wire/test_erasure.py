"""The formats of an erasure (security 5.9): one spelling, read back as it was written, all else refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.wire.erasure import Erasure, ordered_by, read_erasure, tombstone, write_erasure

HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
ERASURES = st.builds(
    Erasure,
    law=st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()),
    asked_by=st.just("vera"),
    approved_by=st.just("omar"),
    at_ms=st.integers(0, 2**45),
    request=st.integers(1, 2**40),
    erased=st.dictionaries(st.integers(0, 10**17), HASHES, min_size=1, max_size=20),
)


@given(ERASURES)
def test_what_was_written_is_read_back(erasure: Erasure) -> None:
    body = write_erasure(erasure)
    assert read_erasure(body) == erasure
    assert write_erasure(read_erasure(body)) == body


@given(st.integers(0, 10**18 - 1))
def test_a_tombstone_names_its_order(index: int) -> None:
    assert ordered_by(tombstone(index)) == index


@pytest.mark.parametrize(
    "text",
    ["application/json", "application/vnd.tallystick.erased; entry=01", "application/vnd.tallystick.erased; entry=-1",
     "application/vnd.tallystick.erased; entry=1 ", "application/vnd.tallystick.erased", ""],
)  # fmt: skip
def test_nothing_else_is_a_tombstone(text: str) -> None:
    assert ordered_by(text) is None


GOOD = write_erasure(
    Erasure(law="A", asked_by="v", approved_by="o", at_ms=1, request=2, erased={7: "00" * 32, 10: "11" * 32})
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"7":', b'"07":'),
        (b'"7":', b'"x":'),
        (b"0000", b"00"),
        (b'"version":"1"', b'"version":"2"'),
        (b'"type":"erasure"', b'"type":"other"'),
        (b'"law":', b'"more":"","law":'),
        (b'"at":"1"', b'"at":1'),
        (b":", b": "),
        (b'{"10":"' + b"11" * 32 + b'","7":"' + b"00" * 32 + b'"}', b"{}"),
    ],
)
def test_another_form_is_refused(old: bytes, new: bytes) -> None:
    assert old in GOOD
    with pytest.raises(Fault, match="TS-1220"):
        read_erasure(GOOD.replace(old, new, 1))


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_in_our_words(body: bytes) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        read_erasure(body)
