"""Two processes behind one address, here in one loop: one series of numbers, one line, whatever they lose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vsdc_bench import Hosted, Pos, basket

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.authority.channels.vsdc.identity import Caller
from tallystick.authority.channels.vsdc.numbers import Numbers
from tallystick.authority.channels.vsdc.pac import TriesSince
from tallystick.authority.channels.vsdc.sale import Order
from tallystick.authority.channels.vsdc.siblings import SharedSigner
from tallystick.authority.channels.vsdc.values import PosEntry, Taking
from tallystick.kernel.faults import Fault, PosFault
from tallystick.wire.pos_languages import LanguageNotOffered


@pytest.fixture
def two(hosted: Hosted) -> Iterator[list[SharedSigner]]:
    sockets = [hosted.folder / "one.sock", hosted.folder / "two.sock"]
    takers = hosted.call(two_takers(hosted))
    made = []
    for number, taker in enumerate(takers, 1):
        services = attrs.evolve(hosted.services, numbers=taker)
        made.append(SharedSigner(services, HostedSigner(services), sockets, number))
    for one in made:
        hosted.call(one.start())
    yield made
    for one in made:
        hosted.call(one.stop())
    for taker in takers:
        taker.stop()


async def two_takers(hosted: Hosted) -> list[Numbers]:
    """As two processes have them: a thread and a connection each."""
    made = [Numbers(hosted.database) for _ in range(2)]
    for one in made:
        one.start()
    return made


def caller(hosted: Hosted, uid: str) -> Caller:
    element, entry = hosted.services.directory.secure_element(uid), hosted.services.hosted.pos(uid)
    assert element is not None
    assert entry is not None
    return Caller(element, entry)


def order(request_id: str | None = None, **changes: Any) -> Order:
    return Order(body=json.dumps(basket(**changes)).encode(), request_id=request_id)


def owner_first(two: list[SharedSigner], uid: str) -> list[SharedSigner]:
    return two if two[0]._owner_of(uid) == 0 else two[::-1]


def check_series(hosted: Hosted, uid: str, expected: int) -> None:
    numbers = [ordinal for _, ordinal in hosted.numbers(uid)]
    assert numbers == list(range(1, expected + 1))


def test_a_pos_at_both_at_once_gets_one_series_and_then_one_line(hosted: Hosted, two: list[SharedSigner]) -> None:
    pos = hosted.pos()
    who = caller(hosted, pos.uid)
    first, second = owner_first(two, pos.uid)

    async def till(signer: SharedSigner, name: str) -> list[int]:
        found, pauses = list[int](), Random(name)
        while len(found) < 12 or not (second._is_passed(pos.uid) or len(found) >= 300):
            number = len(found)
            while True:
                try:
                    answer = await signer.sell(who, order(f"{name}-{number}"))
                except Fault as fault:
                    if not fault.retry_after_seconds:
                        raise
                    await asyncio.sleep(0.01)
                    continue
                await asyncio.sleep(pauses.random() * 0.01)  # else both may sell in step, one always first
                found.append(json.loads(answer)["totalCounter"])
                break
        return found

    async def all_tills() -> list[list[int]]:
        return await asyncio.gather(*(till(signer, f"{place}{n}") for place, signer in enumerate(two) for n in (1, 2)))

    numbers = sorted(number for till_numbers in hosted.call(all_tills()) for number in till_numbers)
    assert numbers == list(range(1, len(numbers) + 1)), "every request one number, every number one request"
    check_series(hosted, pos.uid, len(numbers))
    assert second._is_passed(pos.uid), "who lost numbers passes on"
    assert not first._is_passed(pos.uid), "never in a circle"


def test_s0_037_the_same_request_gets_the_same_answer_from_either(
    hosted: Hosted, two: list[SharedSigner], monkeypatch: pytest.MonkeyPatch
) -> None:
    pos = hosted.pos()
    who = caller(hosted, pos.uid)

    async def both_at_once() -> set[bytes]:
        return set(await asyncio.gather(*(signer.sell(who, order("same")) for signer in two)))

    answers = hosted.call(both_at_once())
    assert len(answers) == 1
    for signer in two:
        assert hosted.call(signer.sell(who, order("same"))) in answers
        assert hosted.call(signer.find_invoice(who, "same")) in answers
    check_series(hosted, pos.uid, 1)

    with monkeypatch.context() as patch:

        async def away(label: str, text: bytes) -> bytes:
            raise Fault("TS-5004", retry_after_seconds=1)

        patch.setattr(hosted.services.signing, "sign", away)
        with pytest.raises(Fault, match="TS-5004"):
            hosted.call(two[0].sell(who, order("begun")))
    ended = hosted.call(two[1].sell(who, order("begun")))
    assert json.loads(ended)["totalCounter"] == 2, "what one began and left, the other ends, and answers"
    assert hosted.call(two[0].sell(who, order("begun"))) == ended
    check_series(hosted, pos.uid, 2)


def test_what_is_passed_on_is_refused_in_the_same_words(hosted: Hosted, two: list[SharedSigner]) -> None:
    pos = hosted.pos()
    who, second = caller(hosted, pos.uid), owner_first(two, pos.uid)[1]
    second._note(pos.uid)
    with pytest.raises(PosFault) as wrong:
        hosted.call(second.sell(who, order(invoiceType="Nothing")))
    assert [(error.property, str(error.code)) for error in wrong.value.errors] == [("invoiceType", "2805")]
    with pytest.raises(LanguageNotOffered):
        hosted.call(second.sell(who, Order(body=order().body, accept_language="xx-XX")))
    assert json.loads(hosted.call(second.sell(who, order("one"))))["totalCounter"] == 1
    assert hosted.call(second.find_invoice(who, "nothing")) is None


def test_where_the_other_one_is_away_the_table_decides(hosted: Hosted, two: list[SharedSigner]) -> None:
    pos = hosted.pos()
    who = caller(hosted, pos.uid)
    first, second = owner_first(two, pos.uid)
    second._note(pos.uid)
    assert json.loads(hosted.call(second.sell(who, order("one"))))["totalCounter"] == 1
    hosted.call(first.stop())
    hosted.call(second._peers[first._own].close())
    assert json.loads(hosted.call(second.sell(who, order("two"))))["totalCounter"] == 2
    assert hosted.call(second.find_invoice(who, "one")) == hosted.call(second.sell(who, order("one")))
    check_series(hosted, pos.uid, 2)


def test_an_answer_that_is_lost_on_the_way_is_not_sold_again(
    hosted: Hosted, two: list[SharedSigner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process sold and died: without a request id a second sale here would be one sale too many."""
    pos = hosted.pos()
    who = caller(hosted, pos.uid)
    first, second = owner_first(two, pos.uid)
    second._note(pos.uid)
    with monkeypatch.context() as patch:

        async def told(payload: bytes) -> bytes:
            await SharedSigner._told(first, payload)
            await second._peers[first._own].close()
            return b""

        patch.setattr(first, "_told", told)
        with pytest.raises(Fault, match="TS-5003"):
            hosted.call(second.sell(who, order()))
    check_series(hosted, pos.uid, 1)
    assert json.loads(hosted.call(second.sell(who, order())))["totalCounter"] == 2


def test_tries_for_a_pac_are_shared_out() -> None:
    pos = PosEntry("POS", b"", 0, None)
    allowed = []
    for processes in (1, 2, 8):
        tries, count = TriesSince(processes), 0
        while True:
            try:
                tries.check(pos)
            except Fault:
                break
            tries.count(pos)
            count += 1
        allowed.append(count)
    assert allowed == [5, 2, 1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wishes=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=24
    )
)
def test_numbers_under_contention_are_gapless_and_unique(
    contended: tuple[Hosted, list[Numbers], list[Pos]], wishes: list[tuple[int, int, int, int]]
) -> None:
    """Any wishes of two processes at once, for the next number or a wrong one, with request ids that repeat."""
    hosted, takers, tills = contended
    signer = hosted.services.hosted.signers[0].uid
    with hosted.database() as conn:
        conn.execute("DELETE FROM vsdc.request")
        before = dict(conn.execute("SELECT requested_by, total_counter FROM vsdc.pair").fetchall())

    def taking(till: int, ahead: int, request: int) -> Taking:
        return Taking(
            requested_by=tills[till].uid,
            signed_by=signer,
            total_counter=before[tills[till].uid] + ahead,
            act=b"act",
            request_id=f"r{request}" if request else "",
            request_hash=bytes(32),
            taken_at=hosted.clock(),
        )

    asked = [(place, taking(till, ahead, request)) for place, till, ahead, request in wishes]

    async def take_all() -> list[bool]:
        return await asyncio.gather(*(takers[place].take(one) for place, one in asked))

    outcomes = hosted.call(take_all())
    won = [one for (_, one), taken in zip(asked, outcomes, strict=True) if taken]
    assert len({(one.requested_by, one.total_counter) for one in won}) == len(won), "no number twice"
    named = [(one.requested_by, one.request_id) for one in won if one.request_id]
    assert len(set(named)) == len(named), "no request two numbers"
    with hosted.database() as conn:
        for uid, total in conn.execute("SELECT requested_by, total_counter FROM vsdc.pair"):
            mine = sorted(one.total_counter for one in won if one.requested_by == uid)
            assert mine == list(range(before[uid] + 1, total + 1)), "no gap"


@pytest.fixture
def contended(hosted: Hosted) -> Iterator[tuple[Hosted, list[Numbers], list[Pos]]]:
    """Two takers, as of two processes, and three POS with a pair each."""
    tills = [hosted.pos(number=number) for number in (1, 2, 3)]
    signer = hosted.services.hosted.signers[0].uid
    with hosted.database() as conn:
        for till in tills:
            store.add_pair(conn, till.uid, signer)
    takers = hosted.call(two_takers(hosted))
    yield hosted, takers, tills
    for one in takers:
        one.stop()
