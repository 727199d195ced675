"""Many entries in one frame on the way to the sequencer: each is booked or refused by itself, in order."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_bench import CASH, LedgerFolder, document, fault_of, lines, registration

from tallystick.authority.ledger import client as clients
from tallystick.authority.ledger.client import SequencerClient, frames
from tallystick.authority.ledger.entry import Booked
from tallystick.authority.ledger.protocol import (
    APPEND_MANY,
    MANY_MOST,
    join,
    read_many,
    split,
    write_append,
    write_many,
    write_refusal,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kit.framed_socket import FramedClient


def test_many_are_booked_in_order_and_a_wrong_one_costs_none_of_the_others(ledger: LedgerFolder) -> None:
    """A place that is not the next is refused with the right one; the same bytes again get the first answers."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration(CASH[0]))
            [(link,)] = ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", CASH[0])
            appends = []
            for number in range(1, 2 * MANY_MOST + 9):
                entry = document(CASH[0], number, device_seq=number, device_prev=link)
                link = device_link(link, number, sha256(entry.body))
                appends.append(write_append(entry))
            wrong = write_append(document(CASH[0], 9_999, device_seq=9_999, device_prev=link))
            answers = await client.append_many([*appends[:300], wrong, *appends[300:]])
            refused = answers.pop(300)
            assert isinstance(refused, Fault)
            assert (refused.code, (refused.expected or {})["ts-seq"]) == ("TS-1402", "301")
            indexes = [one.index for one in answers if isinstance(one, Booked)]
            assert indexes == list(range(indexes[0], indexes[0] + len(appends)))
            again = await client.append_many(appends)
            assert [(one.index, one.duplicate) for one in again if isinstance(one, Booked)] == [
                (index, True) for index in indexes
            ]
            assert await client.append_many([]) == []

    asyncio.run(walk())
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_a_frame_that_is_none_is_refused_and_the_next_is_served(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            peer = FramedClient(ledger.socket)
            one = write_append(registration(CASH[0]))
            for frame in (APPEND_MANY, APPEND_MANY + b"\0", APPEND_MANY + join([one])[:-1], APPEND_MANY + join([b""])):
                with pytest.raises(Fault, match="TS-5099"):
                    read_many(await peer.call(frame))
            with pytest.raises(Fault, match="TS-5099"):
                read_many(await peer.call(APPEND_MANY + join([one] * (MANY_MOST + 1))))
            await peer.close()
            assert (await client.append(registration(CASH[0]))).index > 0

    asyncio.run(walk())


def test_nobody_there_is_said_once_for_all(ledger: LedgerFolder) -> None:
    async def walk() -> str:
        return await fault_of(SequencerClient(ledger.socket).append_many([b"A"]))

    assert asyncio.run(walk()) == "TS-5007"


@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=MANY_MOST))
def test_a_frame_holds_what_was_put_in(payloads: list[bytes]) -> None:
    assert split(APPEND_MANY + join(payloads)) == payloads


def test_answers_come_back_one_for_each() -> None:
    answer = read_many(write_many([write_refusal("TS-5003", "doubt", 1), write_refusal("TS-1402", "gap")]))
    assert [(one.code, one.retry_after_seconds) for one in answer if isinstance(one, Fault)] == [
        ("TS-5003", 1),
        ("TS-1402", None),
    ]


@given(st.lists(st.integers(1, 60), max_size=600))
def test_frames_are_bounded_in_number_and_bytes(sizes: list[int]) -> None:
    appends = [b"x" * size for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "MANY_BYTES", 100)
        cut = list(frames(appends))
    assert [one for frame in cut for one in frame] == appends
    assert all(len(frame) <= MANY_MOST and (sum(map(len, frame)) <= 100 or len(frame) == 1) for frame in cut)
