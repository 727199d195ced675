"""The authority refuses a place (TS-1402): the register follows where its own documents explain it, through power cuts.

S0-054, S0-062. Its counter is ahead of the authority's, or behind it; both classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from till_authority import GENESIS
from till_bench import Bench, Supply, sale, without_flushes
from till_outage import away

from tallystick.device.ecr import issue as room
from tallystick.device.ecr.needs import NoAnswer, Refused
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def forget(bench: Bench, keep: int) -> None:
    """The authority stands where it stood after so many documents."""
    authority = bench.authority
    del authority.booked[keep:]
    authority.state, authority.link = RegisterState(), GENESIS
    for one in authority.booked:
        authority.state = authority.state.after(read_document(one.payload), one.header.sequence, one.header.time)
        authority.link = device_link(authority.link, one.header.sequence, one.body_hash)


def ahead(folder: Path, supply: Supply) -> Bench:
    """Of five documents the authority has two."""
    bench = Bench(folder, supply=supply).opened()
    for name in "abc":
        bench.do(name, sale())
    forget(bench, 2)
    return bench


def behind(folder: Path, supply: Supply) -> Bench:
    """The authority has a third document, which the register believes refused."""
    bench = Bench(folder, supply=supply).opened()
    bench.authority.lost_answers = 1
    with pytest.raises(Fault, match="TS-3251"):
        bench.do("lost", sale("1.00"))
    intent = bench.store.open_intent()
    assert intent is not None
    bench.store.void(intent, "given up")
    return bench


def batch(folder: Path, supply: Supply) -> Bench:
    """A batch begins with the third document, and the authority has lost the second."""
    bench = away(folder, closed=False, supply=supply)
    bench.do("fresh", sale())
    forget(bench, 1)
    return bench


def sold(bench: Bench) -> None:
    """A sale that may be interrupted, and a network that comes back."""
    bench.until_done(lambda: bench.do("new", sale("7.00")))


def brought(bench: Bench) -> None:
    """Rounds until nothing waits."""
    for _ in range(6):
        if bench.until_done(bench.sync) and not bench.register.status().waiting:
            return
    raise AssertionError(bench.register.status())


def first(folder: Path, supply: Supply) -> Bench:
    """It does not know its genesis, which the refusal of its first document tells."""
    return Bench(folder, supply=supply, genesis=None)


def registered(bench: Bench) -> None:
    bench.until_done(lambda: bench.do("registration", RegisterOrder()))


CASES = [
    pytest.param(ahead, sold, 6, id="ahead"),
    pytest.param(behind, sold, 4, id="behind"),
    pytest.param(first, registered, 1, id="first"),
    pytest.param(batch, brought, 7, id="batch", marks=pytest.mark.soak),
]


@pytest.mark.parametrize(("begin", "work", "documents"), CASES)
def test_ts_1402_every_power_cut_leaves_one_chain(
    tmp_path: Path, begin: Callable[[Path, Supply], Bench], work: Callable[[Bench], None], documents: int
) -> None:
    supply = Supply()
    whole = begin(tmp_path / "whole", supply)
    begun = supply.passed
    work(whole)
    points = range(begun, supply.passed)
    assert len(points) >= 4
    for cut in [None, *points]:
        bench = begin(tmp_path / str(cut), Supply(*([] if cut is None else [cut])))
        work(bench)
        assert not bench.register.is_stopped, bench.register.status().stopped
        assert len(bench.documents) == documents, "nothing twice, and nothing invented"
        assert [one.compact for one in bench.authority.booked] == bench.documents
        assert bench.authority.state == bench.register.status().state
        bench.switch_off()


def test_a_network_that_fails_on_the_way_sells_nothing_and_goes_on_later(tmp_path: Path) -> None:
    bench = ahead(tmp_path, Supply())
    plain, sent = bench.authority.send, list[bytes]()

    def send(compact: bytes) -> object:
        sent.append(compact)
        if len(sent) == 3:
            raise NoAnswer("cut")
        return plain(compact)

    bench.authority.send = send  # type: ignore[method-assign,assignment]
    with pytest.raises(Fault, match="TS-3250"):
        bench.do("new", sale("7.00"))
    assert not bench.register.status().open_fate
    bench.do("new", sale("7.00"))
    assert [one.compact for one in bench.authority.booked] == bench.documents


@pytest.mark.parametrize("wrong", ["link", "age", "much"])
def test_what_our_documents_do_not_explain_stops_the_register(
    tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = ahead(tmp_path, Supply())
    if wrong == "link":
        bench.authority.link = bytes(32)
    if wrong == "much":
        monkeypatch.setattr(room, "AGAIN_MOST", 2)
    plain, sent = bench.authority.send, list[int]()

    def send(compact: bytes) -> object:
        header = read_signed(compact).header
        sent.append(header.sequence)
        if wrong == "age" and bench.now - header.time > timedelta(minutes=2):
            raise Refused(Fault("TS-1401"))
        return plain(compact)

    bench.authority.send = send  # type: ignore[method-assign,assignment]
    bench.now += timedelta(hours=1)
    with pytest.raises(Fault, match="TS-3252"):
        bench.do("new", sale("7.00"))
    assert bench.register.is_stopped
    assert len(bench.documents) == 5
    assert sent == [6] + [3] * (wrong == "age"), "nothing of ours goes where it does not belong"
