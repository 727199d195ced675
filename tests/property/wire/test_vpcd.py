"""Messages of the virtual reader: what was framed is taken out again, whole, in order, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.wire.vpcd import CONTENT_BYTES_MAX, Order, frame, order_of, take_message


@given(st.lists(st.binary(max_size=700), max_size=6), st.integers(1, 50))
def test_messages_survive_any_cut(contents: list[bytes], step: int) -> None:
    stream = b"".join(map(frame, contents))
    received, taken = b"", []
    for at in range(0, len(stream), step):
        received += stream[at : at + step]
        while (message := take_message(received)) is not None:
            taken.append(message[0])
            received = message[1]
    assert (taken, received) == (contents, b"")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_wait_for_more(received: bytes) -> None:
    taken = take_message(received)
    if taken is not None:
        assert frame(taken[0]) + taken[1] == received


@given(st.binary(min_size=2, max_size=20))
def test_what_is_longer_than_a_byte_is_an_apdu(content: bytes) -> None:
    assert order_of(content) is None


@pytest.mark.parametrize("content", [b"", *(bytes((n,)) for n in range(256) if n not in (0, 1, 2, 4))])
def test_unknown_orders_are_refused(content: bytes) -> None:
    with pytest.raises(Fault) as caught:
        order_of(content)
    assert caught.value.code == "TS-1220"


def test_the_published_orders() -> None:
    assert [order_of(bytes((n,))) for n in (0, 1, 2, 4)] == [*Order]


def test_the_longest_message() -> None:
    longest = bytes(CONTENT_BYTES_MAX)
    assert take_message(frame(longest)) == (longest, b"")
    with pytest.raises(Fault):
        frame(longest + b"\0")
