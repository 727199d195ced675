"""Whatever breaks between a request and its answer: no gap, no number twice, no answer for what is not booked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from vsdc_bench import Hosted, HostedThread, Pos, basket

from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.kernel.faults import Fault

Break = Callable[[Hosted], tuple[object, str, Callable[..., Any]]]


def _failing(before: bool, code: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A call that fails before it does anything, or does it and loses its answer."""

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            if not before:
                await real(*arguments)
            raise Fault(code, detail="broken by the test", retry_after_seconds=1)

        return call

    return wrap


CUTS: dict[str, tuple[str, str, bool, str]] = {
    "no number taken": ("numbers", "take", True, "TS-5009"),
    "number taken, nobody heard": ("numbers", "take", False, "TS-5009"),
    "not signed": ("signing", "sign", True, "TS-5004"),
    "signed, nobody heard": ("signing", "sign", False, "TS-5004"),
    "not checked": ("intake", "submit_document", True, "TS-5099"),
    "not booked": ("sequencer", "append", True, "TS-5007"),
    "booked, nobody heard": ("sequencer", "append", False, "TS-5007"),
    "answer lost": ("intake", "submit_document", False, "TS-5003"),
}
"""Between each two steps of a sale: what breaks, how, and before or after it was done."""


def cut(hosted: Hosted, monkeypatch: pytest.MonkeyPatch, name: str) -> str:
    port, method, before, code = CUTS[name]
    target = getattr(hosted.services, port)
    monkeypatch.setattr(target, method, _failing(before, code)(getattr(target, method)))
    return code


def check_series(hosted: Hosted, pos: Pos, expected: int) -> None:
    """The ledger has every number from 1 on once, and the table's counter is the last of them."""
    numbers = [ordinal for _, ordinal in hosted.numbers(pos.uid)]
    assert numbers == list(range(1, expected + 1))
    assert hosted.rows("SELECT total_counter FROM vsdc.pair WHERE requested_by = %s", pos.uid) == [(expected,)]


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_between_two_steps_leaves_no_gap_and_no_double(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pos = hosted.pos()
    assert pos.sell(RequestId="one").status == 200
    with monkeypatch.context() as patch:
        code = cut(hosted, patch, name)
        broken = pos.sell(RequestId="two")
        assert (broken.status, broken.code) == (500 if code == "TS-5099" else 503, code)
        again = pos.sell(RequestId="two")
        assert again.status != 200 or name in ("booked, nobody heard", "answer lost"), "nothing is answered unbooked"
    repeated = pos.sell(RequestId="two")
    assert repeated.status == 200
    assert repeated.json["totalCounter"] == 2
    assert pos.sell(RequestId="two").body == repeated.body
    assert pos.sell().json["totalCounter"] == 3
    check_series(hosted, pos, 3)


@pytest.mark.parametrize("name", CUTS)
def test_a_new_process_brings_to_its_end_what_the_old_one_began(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first = HostedThread(database, tmp_path)
    hosted = first.start()
    hosted.add_signer()
    papers = hosted.papers()
    pos = hosted.pos(papers)
    assert pos.sell(RequestId="one").status == 200
    with monkeypatch.context() as patch:
        cut(hosted, patch, name)
        assert pos.sell(RequestId="two").status in (500, 503)
    first.stop()
    second = HostedThread(database, tmp_path)
    hosted = second.start()
    try:
        hosted.call(hosted.signer.recover())
        taken = 1 if name == "no number taken" else 2
        pos = hosted.pos(papers)
        check_series(hosted, pos, taken)
        assert hosted.call(hosted.signer.recover()) == 0
        repeated = pos.sell(RequestId="two")
        assert repeated.json["totalCounter"] == 2
        assert pos.ask("GET", "/api/v3/invoices/two").body == repeated.body
        check_series(hosted, pos, 2)
    finally:
        second.stop()


def test_two_processes_that_serve_one_pos_share_its_numbers(hosted: Hosted) -> None:
    pos = hosted.pos()
    other = HostedSigner(hosted.services)
    from tallystick.authority.channels.vsdc.identity import Caller
    from tallystick.authority.channels.vsdc.sale import Order

    element, entry = hosted.services.directory.secure_element(pos.uid), hosted.services.hosted.pos(pos.uid)
    assert element is not None
    assert entry is not None
    caller = Caller(element, entry)
    numbers = []
    for turn in range(6):
        if turn % 2:
            numbers.append(pos.sell().json["totalCounter"])
        else:
            order = Order(body=json.dumps(basket()).encode())
            numbers.append(json.loads(hosted.call(other.sell(caller, order)))["totalCounter"])
    assert numbers == [1, 2, 3, 4, 5, 6]
    check_series(hosted, pos, 6)


def test_a_signature_that_is_not_good_is_never_answered(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signing unit that fails (or is attacked) gives away a wrong signature once, and nobody outside sees it."""
    pos = hosted.pos()
    with monkeypatch.context() as patch:

        async def wrong(label: str, text: bytes) -> bytes:
            return bytes(256)

        patch.setattr(hosted.services.signing, "sign", wrong)
        reply = pos.sell(RequestId="one")
        assert (reply.status, reply.code) == (503, "TS-5004")
    assert hosted.numbers(pos.uid) == []
    assert pos.sell(RequestId="one").json["totalCounter"] == 1


def test_a_full_queue_says_when_to_come_back(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    pos = hosted.pos()
    desk = hosted.signer._desks.of(pos.uid)
    desk.waiting = 8
    reply = pos.sell()
    assert (reply.status, reply.code) == (503, "TS-5002")
    assert int(reply.headers["retry-after"]) >= 1
    desk.waiting = 0
    assert pos.sell().status == 200


def test_without_a_signing_element_nothing_is_signed(start: Callable[..., Hosted]) -> None:
    hosted = start(signers=0)
    pos = hosted.pos()
    assert pos.ask("GET", "/api/v3/status").json["gsc"] == ["2220"]
    reply = pos.sell()
    assert (reply.status, reply.code) == (503, "TS-5004")


def test_a_pos_keeps_its_signing_element_over_a_restart(database: str, tmp_path: Path) -> None:
    first = HostedThread(database, tmp_path)
    hosted = first.start()
    hosted.add_signer()
    papers = hosted.papers()
    element = hosted.pos(papers).sell().json["signedBy"]
    for _ in range(3):
        hosted.add_signer()
    first.stop()
    second = HostedThread(database, tmp_path)
    hosted = second.start()
    try:
        answer = hosted.pos(papers).sell().json
        assert (answer["signedBy"], answer["totalCounter"]) == (element, 2)
    finally:
        second.stop()


def test_a_document_that_is_kept_apart_does_not_stop_its_pos(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoked between the number and the signature: kept until decided, its number used, and nothing waits for it."""
    pos = hosted.pos()
    assert pos.sell().status == 200
    signer = hosted.services.hosted.signers[0].uid
    with monkeypatch.context() as patch:
        directory = hosted.services.directory
        real = directory.secure_element
        revoked = {"on": False}

        def late(uid: str) -> Any:
            element = real(uid)
            if revoked["on"] and uid == signer and element is not None:
                return attrs.evolve(element, revoked_at=element.not_before)
            return element

        async def sign(label: str, text: bytes) -> bytes:
            revoked["on"] = True
            return await signing(label, text)

        signing = hosted.services.signing.sign
        patch.setattr(directory, "secure_element", late)
        patch.setattr(hosted.services.signing, "sign", sign)
        refused = pos.sell()
        assert (refused.status, refused.code) == (403, "TS-1104")
    assert hosted.rows("SELECT ordinal, codes FROM intake.quarantine") == [(2, ["TS-1104"])]
    assert pos.sell().json["totalCounter"] == 3
    assert hosted.call(hosted.signer.recover()) == 0
