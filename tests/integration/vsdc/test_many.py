"""Many POS at once over several signing elements; a renewed element takes over while they sell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from vsdc_bench import Hosted, Pos, Reply
from vsdc_findings import findings

from tallystick.authority.channels.vsdc.operations import set_signer_state
from tallystick.authority.channels.vsdc.pairs import choose_signer
from tallystick.authority.channels.vsdc.values import SignerState
from tallystick.authority.projections.verification.check import open_url


def series(hosted: Hosted, pos: Pos) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for signed_by, ordinal in hosted.numbers(pos.uid):
        found.setdefault(signed_by, []).append(ordinal)
    return found


@pytest.mark.soak
def test_many_taxpayers_sell_at_once_over_several_keys(start: Callable[..., Hosted]) -> None:
    hosted = start(signers=3)
    tills = [hosted.pos(number=number) for number in range(1, 13)]
    with ThreadPoolExecutor(len(tills)) as threads:
        replies = list(threads.map(lambda pos: [pos.sell() for _ in range(5)], tills))
    assert all(reply.status == 200 for several in replies for reply in several)
    signers = set()
    for pos in tills:
        found = series(hosted, pos)
        assert list(found.values()) == [[1, 2, 3, 4, 5]]
        signers |= set(found)
    assert len(signers) > 1, "the lot spreads the POS over the keys"
    assert findings(hosted) == [], "pairs are devices like any other to the ledger's own check"


def test_one_pos_with_several_tills_gets_one_series(hosted: Hosted) -> None:
    papers = hosted.papers()
    tills = [hosted.pos(papers) for _ in range(6)]
    with ThreadPoolExecutor(len(tills)) as threads:
        replies = list(threads.map(lambda pos: pos.sell(RequestId=str(tills.index(pos))), tills))
    assert sorted(reply.json["totalCounter"] for reply in replies) == [1, 2, 3, 4, 5, 6]


def test_the_same_request_at_once_is_one_sale(hosted: Hosted) -> None:
    papers = hosted.papers()
    tills = [hosted.pos(papers) for _ in range(5)]
    with ThreadPoolExecutor(len(tills)) as threads:
        bodies = {reply.body for reply in threads.map(lambda pos: pos.sell(RequestId="one"), tills)}
    assert len(bodies) == 1
    assert series(hosted, tills[0]) == {hosted.services.hosted.signers[0].uid: [1]}


def test_a_signing_element_is_renewed_while_everybody_sells(hosted: Hosted) -> None:
    old = hosted.services.hosted.signers[0].uid
    tills = [hosted.pos(number=number) for number in range(1, 7)]
    ending = threading.Event()

    def sell(pos: Pos) -> list[Reply]:
        replies: list[Reply] = []
        while not ending.is_set() or len(replies) < 6:
            replies.append(pos.sell())
        return replies

    with ThreadPoolExecutor(len(tills)) as threads:
        running = [threads.submit(sell, pos) for pos in tills]
        new = hosted.add_signer().uid
        with hosted.database() as conn:
            set_signer_state(conn, old, SignerState.RETIRED)
        hosted.refresh()
        before = len(hosted.rows("SELECT 1 FROM vsdc.pair WHERE signed_by = %s", new))
        while len(hosted.rows("SELECT 1 FROM vsdc.pair WHERE signed_by = %s", new)) < len(tills):
            pass
        ending.set()
        answers = [one.result() for one in running]
    assert before <= len(tills)
    for pos, replies in zip(tills, answers, strict=True):
        assert all(reply.status == 200 for reply in replies), "nobody noticed"
        found = series(hosted, pos)
        assert set(found) <= {old, new}
        for ordinals in found.values():
            assert ordinals == list(range(1, len(ordinals) + 1))
        for reply in (replies[0], replies[-1]):
            open_url(reply.json["verificationUrl"], hosted.services.directory.secure_element)
        assert replies[-1].json["signedBy"] == new


def test_an_element_that_ends_soon_is_passed_over(start: Callable[..., Hosted]) -> None:
    hosted = start(signers=1)
    old = hosted.services.hosted.signers[0].uid
    now = hosted.clock()
    element = hosted.services.directory.secure_element(old)
    assert element is not None
    late = element.not_after - timedelta(days=10)
    assert choose_signer(hosted.services, "POS", "", late).uid == old, "there is no other one"
    hosted.clock.ahead_seconds = (late - now).total_seconds()
    new = hosted.add_signer().uid
    assert choose_signer(hosted.services, "POS", old, late).uid == new
