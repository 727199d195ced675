"""The body of a settled place: a round trip for every value, and a fault for every other text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.wire.settled_place import SettledPlace, read_settled_place, write_settled_place

hashes = st.binary(min_size=32, max_size=32)
words = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@st.composite
def places(draw: st.DrawFn) -> SettledPlace:
    first = draw(st.integers(1, 2**31))
    last = first + draw(st.integers(0, 9_999))
    presented = draw(st.dictionaries(hashes.map(bytes.hex), st.integers(first, last), max_size=5))
    return SettledPlace(
        device=draw(st.from_regex(r"[A-Z0-9]{8}", fullmatch=True)),
        first=first,
        last=last,
        previous=draw(hashes),
        next=draw(hashes),
        next_act=draw(hashes),
        next_entry=draw(st.integers(0, 2**50)),
        presented=presented,
        presented_count=len(presented) + draw(st.integers(0, 9)),
        reason=draw(words),
        asked_by=f"a{draw(words)}",
        approved_by=f"b{draw(words)}",
        at_ms=draw(st.integers(0, 2**47)),
        request=draw(st.integers(0, 2**40)),
    )


@given(places())
def test_what_was_written_is_read(place: SettledPlace) -> None:
    body = write_settled_place(place)
    assert write_settled_place(read_settled_place(body)) == body
    assert read_settled_place(body) == place


@given(places(), st.data())
def test_every_other_text_is_refused_or_another_place(place: SettledPlace, data: st.DataObject) -> None:
    body = bytearray(write_settled_place(place))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Fault):
        assert write_settled_place(read_settled_place(bytes(body))) == bytes(body)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_in_order(body: bytes) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        read_settled_place(body)
