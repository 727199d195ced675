"""The register's half of the offline channel: one batch at a time, resumed wherever it was cut (S0-062, K-24)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from till_authority import GENESIS
from till_bench import Bench, Supply, sale, without_flushes
from till_outage import all_is_there, anchors, away, kinds

from tallystick.device.ecr import batches as room
from tallystick.device.ecr.orders import CloseShift, OpenShift
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.offline_batch import DOCUMENTS_MAX

SMALL = 2_600
"""Bytes of a part here: two documents or three."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    defaults = room.Batches.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "part_bytes", SMALL)
    with without_flushes():
        yield


def test_s0_062_a_batch_travels_in_parts_and_is_closed_by_its_z_report(tmp_path: Path) -> None:
    bench = away(tmp_path)
    assert bench.sync()
    all_is_there(bench)
    [batch] = bench.authority.batches.values()
    assert len(batch.parts) > 2
    assert bench.authority.heads[0].waiting == len(bench.documents), "where we stand is said before anything comes"
    assert bench.authority.steps[0] == "head"
    assert anchors(bench) == 1
    assert bench.sync()
    assert bench.authority.heads[-1].waiting == 0


def test_every_lost_answer_is_overcome_by_the_same_batch(tmp_path: Path) -> None:
    whole = away(tmp_path / "whole")
    assert whole.sync()
    for cut in range(1, len(whole.authority.steps) + 1):
        bench = away(tmp_path / str(cut))
        bench.authority.cut_at = cut
        background = Synchroniser(bench.register, bench.authority, bench.clock)
        assert not background.round()
        assert bench.register.trouble
        assert background.round()
        all_is_there(bench)
        assert bench.authority.steps.count("part") <= whole.authority.steps.count("part") + 1, (
            "what is there stays there"
        )


@pytest.mark.parametrize("closed", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_every_power_cut_leaves_one_batch(tmp_path: Path, closed: bool) -> None:
    """Of a shift that is closed, and in the middle of one: then with one interim seal."""
    supply = Supply()
    whole = away(tmp_path / "whole", closed=closed, supply=supply)
    begun, before = supply.passed, anchors(whole)
    assert whole.sync()
    for cut in range(begun, supply.passed):
        bench = away(tmp_path / str(cut), closed=closed, supply=Supply(cut))
        assert bench.until_done(bench.sync)
        all_is_there(bench)
        assert len(bench.documents) == len(whole.documents)
        assert anchors(bench) == before + 1, "one receipt, one anchor"


@pytest.mark.parametrize("after", ["part", "close"])
def test_a_lost_store_finds_its_batch_again(tmp_path: Path, after: str) -> None:
    """The id follows from the documents, and the parts that are there are found among them."""
    bench = away(tmp_path)
    steps = iter(range(1, 100))
    while True:
        bench.authority.cut_at = next(steps)
        bench.authority.steps.clear()
        assert not bench.sync()
        if bench.authority.steps[-1] == after:
            break
    bench.switch_off()
    for file in bench.folder.glob("register.db*"):
        file.unlink()
    bench.switch_on()
    bench.authority.cut_at = 0
    assert bench.sync()
    all_is_there(bench)


def test_what_the_anchor_says_is_known_again_without_the_store(tmp_path: Path) -> None:
    bench = away(tmp_path)
    assert bench.sync()
    bench.switch_off()
    for file in bench.folder.glob("register.db*"):
        file.unlink()
    bench.switch_on()
    assert bench.register.status().waiting == 0


def test_k_24_full_parts_travel_before_the_report_and_the_cashier_sells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REPORT_EVERY", timedelta(days=9))
    bench = away(tmp_path, closed=False)
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    assert background.round()
    [batch] = bench.authority.batches.values()
    assert len(batch.parts) >= 1
    assert batch.receipt is None
    assert len(bench.authority.booked) == 2, "what came before on line, and no more"
    assert bench.memory.state.unsealed == 0, "nothing leaves the memory unsealed"
    bench.do("e", sale())
    spoken = len(bench.authority.steps)
    assert background.round()
    assert bench.authority.steps[spoken:].count("announce") == 0, "nobody is asked while nothing has to be said"
    bench.do("z", CloseShift())
    assert background.round()
    all_is_there(bench)


def test_k_24_an_interim_seal_closes_it_when_the_hours_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever report was made before."""
    monkeypatch.setattr(room, "REPORT_EVERY", timedelta(days=9))
    bench = away(tmp_path, closed=False)
    assert bench.sync()
    assert len(bench.authority.booked) == 2
    bench.now += timedelta(hours=53)
    assert bench.register.status().window.warns
    assert bench.sync()
    all_is_there(bench)
    assert kinds(bench)[-1] is DocumentKind.STATUS
    assert bench.register.status().state.opened_at is not None, "the shift goes on"


def test_so_much_without_a_report_is_sealed_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room.SEAL_AFTER_DOCUMENTS * 2 <= DOCUMENTS_MAX
    monkeypatch.setattr(room, "SEAL_AFTER_DOCUMENTS", 3)
    bench = away(tmp_path, closed=False)
    bench.authority.away = True
    count = len(bench.documents)
    assert not bench.sync()
    assert len(bench.documents) == count + 1, "also without a network"
    assert not bench.sync()
    assert len(bench.documents) == count + 1
    bench.authority.away = False
    assert bench.sync()
    all_is_there(bench)


def test_s0_094_what_is_refused_alone_comes_with_the_batch(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline=True).opened()
    assert bench.sync()
    bench.do("a", sale())
    bench.authority.refusals = ["TS-2001"]
    assert bench.sync()
    assert len(bench.authority.booked) == 2
    assert bench.register.status().trouble == ""
    bench.do("b", sale())
    bench.do("z", CloseShift())
    assert bench.sync()
    all_is_there(bench)


def test_a_revoked_register_brings_its_batch_and_says_so_to_the_cashier(tmp_path: Path) -> None:
    bench = away(tmp_path)
    bench.authority.revoked = True
    assert not bench.sync()
    status = bench.register.status()
    assert status.waiting == 0
    assert "TS-2403" in status.apart
    assert "TS-2403" in status.stopped
    assert anchors(bench) == 0, "nothing is booked, and nothing says so"
    with pytest.raises(Fault) as caught:
        bench.do("o", OpenShift())
    assert caught.value.code == "TS-3252"


@pytest.mark.parametrize("lie", ["head", "part"])
def test_a_word_that_is_not_of_our_chain_stops_the_register(tmp_path: Path, lie: str) -> None:
    bench = away(tmp_path)
    if lie == "head":
        bench.authority.says_head = bytes(32)
    else:
        bench.authority.cut_at = 6
        assert not bench.sync()
        [batch] = bench.authority.batches.values()
        batch.parts[1] = batch.parts[1].replace(b".", b",", 1)
        bench.authority.cut_at = 0
    waiting = bench.register.status().waiting
    assert not bench.sync()
    status = bench.register.status()
    assert status.stopped
    assert status.waiting == waiting, "nothing was taken for delivered"
    assert anchors(bench) == 0


def test_a_head_that_went_back_stops_the_register(tmp_path: Path) -> None:
    """Another register sells under our name, or our memory is an old copy."""
    bench = away(tmp_path)
    bench.sync()
    bench.do("o", OpenShift())
    assert bench.sync()
    bench.authority.heads[-1] = bench.authority.heads[-1].__class__(
        signed=bench.authority.heads[-1].signed, sequence=99, link=bytes(32), waiting=0, oldest_ms=None
    )
    assert not bench.sync()
    assert "TS-3285" in bench.register.status().stopped


def test_what_the_authority_lost_is_brought_again(tmp_path: Path) -> None:
    """After its restore it names a place before our batch, and that place is ours (TS-1402)."""
    bench = away(tmp_path)
    assert bench.sync()
    bench.authority.away = True
    bench.do("o", OpenShift())
    bench.do("e", sale())
    bench.do("z2", CloseShift())
    bench.now += timedelta(hours=2)
    bench.authority.away = False
    old = bench.authority
    bench.authority = type(old)()
    bench.register._channel = bench.authority
    assert not bench.sync()
    assert not bench.register.is_stopped
    assert bench.sync()
    all_is_there(bench)


def test_a_place_that_is_not_ours_is_never_followed(tmp_path: Path) -> None:
    bench = away(tmp_path)
    assert bench.sync()
    bench.do("o", OpenShift())
    bench.do("z2", CloseShift())
    bench.now += timedelta(hours=2)
    other = type(bench.authority)()
    other.link = bytes(32)
    bench.authority = other
    assert not bench.sync()
    assert bench.register.is_stopped


def test_s0_032_waiting_for_the_report_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rolling hours count what the authority counts: silence."""
    monkeypatch.setattr(room, "REPORT_EVERY", timedelta(days=9))
    bench = away(tmp_path, closed=False)
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    for _ in range(10):
        assert background.round()
        bench.now += timedelta(minutes=10)
    bench.do("z", CloseShift())
    assert background.round()
    outages = bench.store.outages(0)
    assert sum(ended - began for began, ended in outages) < 6 * 3_600_000


def test_without_a_network_nobody_guesses_where_the_sequence_begins(tmp_path: Path) -> None:
    """A first document with another link before it could never be booked, nor all that follow it."""
    bench = Bench(tmp_path, offline=True, genesis=None)
    bench.authority.away = True
    with pytest.raises(Fault) as caught:
        bench.opened()
    assert caught.value.code == "TS-3250"
    bench.authority.away, bench.authority.genesis = False, None
    with pytest.raises(Fault) as caught:
        bench.opened()
    assert caught.value.code == "TS-3250"
    assert bench.documents == []
    bench.authority.genesis = GENESIS
    bench.opened()
    assert bench.sync()
    assert [one.compact for one in bench.authority.booked] == bench.documents


def test_what_is_kept_apart_is_said_and_never_anchored_as_booked(tmp_path: Path) -> None:
    bench = away(tmp_path)
    bench.authority.keeps_apart = "TS-2404"
    assert bench.sync()
    status = bench.register.status()
    assert (status.waiting, status.stopped) == (0, "")
    assert status.apart == f"1-{len(bench.documents)} (TS-2404)"
    assert anchors(bench) == 0
    bench.do("o", OpenShift())
