"""An outage in the middle of a shift: all of it is booked soon after, and the shift goes on (S0-095, K-24)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from till_bench import Bench, sale, without_flushes
from till_outage import all_is_there, away, kinds

from tallystick.device.ecr.orders import CloseShift
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.kernel.national_document import DocumentKind


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def test_s0_095_an_outage_in_mid_shift_ends_with_an_interim_seal_and_all_of_it_is_booked(tmp_path: Path) -> None:
    """No receipt is pending until the end of the shift; the cashier does nothing, and sells on."""
    bench = away(tmp_path, closed=False)
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    assert background.round()
    all_is_there(bench)
    assert kinds(bench)[-1] is DocumentKind.STATUS
    assert bench.register.status().state.is_open, "the shift goes on"
    bench.do("d", sale())
    assert background.round()
    all_is_there(bench)
    bench.do("z", CloseShift())
    assert background.round()
    all_is_there(bench)
    assert kinds(bench).count(DocumentKind.STATUS) == 1


def test_a_network_that_comes_and_goes_makes_a_report_in_five_minutes_and_no_more(tmp_path: Path) -> None:
    bench = away(tmp_path, closed=False)
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    assert background.round()
    for minute in range(20):
        bench.authority.away = True
        bench.do(f"away-{minute}", sale())
        bench.now += timedelta(seconds=100)
        bench.authority.away = False
        assert background.round()
    assert 4 <= kinds(bench).count(DocumentKind.STATUS) <= 9, "34 minutes"
    bench.now += timedelta(minutes=5)
    assert background.round()
    assert [one.compact for one in bench.authority.booked] == bench.documents


def test_a_seal_that_cannot_be_made_is_no_trouble_of_the_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A memory that is full has no room but for the Z report, and that one closes the batch."""
    bench = Bench(tmp_path, offline=True, records=6).opened()
    assert bench.sync()
    bench.authority.away = True
    bench.do("a", sale())
    bench.do("b", sale())
    bench.now += timedelta(hours=1)
    bench.authority.away = False
    background = Synchroniser(bench.register, bench.authority, bench.clock)
    assert background.round()
    assert background.round()
    assert len(caplog.messages) == 1, "not at every round"
    assert bench.register.status().trouble == ""
    bench.do("z", CloseShift())
    assert background.round()
    all_is_there(bench)


def test_a_memory_that_takes_no_more_reports_does_not_keep_the_background_from_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So much without a report that one should be made, and no room for it: the authority is still reached."""
    bench = Bench(tmp_path, offline=True, records=6).opened()
    assert bench.sync()
    bench.authority.away = True
    bench.do("a", sale())
    bench.do("b", sale())
    monkeypatch.setattr("tallystick.device.ecr.batches.SEAL_AFTER_DOCUMENTS", 1)
    assert bench.memory.state.full
    bench.now += timedelta(hours=1)
    bench.authority.away = False
    assert bench.sync()
    bench.do("z", CloseShift())
    assert bench.sync()
    all_is_there(bench)
