"""The offline class: write-once memory first, always; the background afterwards; the device's own limits.

S0-061, S0-063, S0-087, S0-094 to S0-096, K-19.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from till_authority import UID, Authority
from till_bench import START, Bench, sale, sign, without_flushes

from tallystick.device.ecr.offline_window import OfflineWindow, offline_window
from tallystick.device.ecr.orders import CloseMemory, CloseShift, OpenShift, ReportX
from tallystick.device.ecr.setup import OfflineLimits
from tallystick.device.ecr.write_once import SIGNED_RECORDS, OfflineWay, note_power_up
from tallystick.device.worm import RecordKind
from tallystick.kernel import limits
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, offline=True).opened()


def refused(code: str, bench: Bench, name: str, order: object) -> None:
    with pytest.raises(Fault) as caught:
        bench.do(name, order)
    assert caught.value.code == code


@pytest.mark.parametrize("away", [True, False])
def test_s0_094_the_memory_comes_first_with_a_network_and_without(bench: Bench, away: bool) -> None:
    bench.authority.away = away
    answer = json.loads(bench.do("a", sale()))
    assert answer["sequence"] == "3"
    assert answer["code"]
    assert bench.authority.booked == [], "the cashier never waited for the authority"
    written = [record.data for record in bench.memory.records() if record.kind in SIGNED_RECORDS]
    assert written == bench.documents


def test_s0_095_the_background_brings_all_of_it_and_the_memory_is_anchored(bench: Bench) -> None:
    bench.authority.away = True
    for name in "abc":
        bench.do(name, sale())
    assert not bench.sync()
    assert bench.register.status().trouble
    bench.authority.away = False
    bench.now += timedelta(hours=5)
    bench.do("z", CloseShift())
    assert bench.sync()
    assert [one.compact for one in bench.authority.booked] == bench.documents
    status = bench.register.status()
    assert (status.waiting, status.trouble) == (0, "")
    anchor = [record for record in bench.memory.records() if record.kind is RecordKind.ANCHOR]
    assert len(anchor) == 1
    assert bench.memory.state.unsealed == 1, "only the anchor itself is not sealed"
    assert bench.authority.state == status.state


def test_s0_096_the_receipt_is_that_of_the_online_class(bench: Bench, tmp_path: Path) -> None:
    online = Bench(tmp_path / "online").opened()
    for one in (bench, online):
        one.now = START + timedelta(minutes=1)
    ours, theirs = (json.loads(one.do("a", sale())) for one in (bench, online))
    for answer in (ours, theirs):
        for name in ("code", "verification_url"):
            answer[name] = re.sub(r"[\w-]{163}", "CODE", answer[name])
    assert ours == theirs


def test_a_z_report_is_a_record_of_its_own_and_sealed(bench: Bench) -> None:
    bench.do("z", CloseShift())
    kinds = [record.kind for record in bench.memory.records()]
    assert kinds[-2:] == [RecordKind.Z_REPORT, RecordKind.SEAL]


def test_a_seal_that_is_due_is_made_before_the_next_document(bench: Bench) -> None:
    for number in range(60):
        bench.do(f"x{number}", ReportX())
    assert any(record.kind is RecordKind.SEAL for record in bench.memory.records())
    assert bench.register.status().state.documents == 62


def test_s1_033_the_closure_closes_the_memory_for_ever_and_is_still_sent(bench: Bench) -> None:
    bench.do("z", CloseShift())
    bench.do("end", CloseMemory(reason="full"))
    assert bench.memory.state.closed
    bench.restart()
    refused("TS-2408", bench, "again", CloseMemory(reason="full"))
    assert bench.sync()
    assert len(bench.authority.booked) == 4


def test_a_full_memory_takes_no_sale_and_the_shift_can_be_closed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, offline=True, records=4).opened()
    assert not bench.register.status().memory_almost_full
    bench.do("a", sale())
    bench.do("b", sale())
    assert bench.register.status().memory_almost_full
    refused("TS-3201", bench, "c", sale())
    assert not bench.register.status().open_fate
    bench.do("z", CloseShift())
    assert bench.sync()
    bench.do("end", CloseMemory(reason="full"))


def test_the_same_bytes_are_one_record_also_after_a_start(bench: Bench) -> None:
    bench.do("a", sale())
    compact = bench.documents[-1]
    for _ in range(2):
        way = OfflineWay(bench.memory, sign)
        record = way.deliver(compact, bench.now).memory_record
        assert bench.memory.read(record).data == compact
        assert way.deliver(compact, bench.now).memory_record == record
        bench.restart()
    assert sum(one.data == compact for one in bench.memory.records()) == 1


def test_a_store_that_is_lost_is_made_anew_from_the_memory(bench: Bench) -> None:
    bench.do("a", sale())
    documents = bench.documents
    bench.switch_off()
    for file in bench.folder.glob("register.db*"):
        file.unlink()
    bench.switch_on()
    assert bench.documents == documents
    assert json.loads(bench.do("b", sale()))["sequence"] == "4"
    assert bench.sync()
    assert bench.authority.state == bench.register.status().state


def test_a_memory_older_than_the_store_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "one", offline=True).opened()
    other = Bench(tmp_path / "two", offline=True)
    bench.switch_off()
    other.switch_off()
    shutil.rmtree(bench.folder / "worm")
    shutil.copytree(other.folder / "worm", bench.folder / "worm")
    with pytest.raises(Fault) as caught:
        bench.switch_on()
    assert caught.value.code == "TS-3258"


def test_s0_061_sales_end_after_72_hours_and_go_on_after_contact(bench: Bench) -> None:
    bench.authority.away = True
    bench.do("a", sale())
    bench.do("z", CloseShift())
    bench.now += timedelta(hours=58)
    assert bench.register.status().window.warns
    bench.now += timedelta(hours=15)
    bench.do("o", OpenShift())
    refused("TS-3261", bench, "b", sale())
    bench.do("z2", CloseShift())
    assert bench.do("a", sale()) == bench.register.answer_of(3), "what was sold before is still answered"
    bench.authority.away = False
    assert bench.sync()
    bench.do("o2", OpenShift())
    bench.do("b", sale())


def test_a_clock_set_back_does_not_stretch_the_72_hours(bench: Bench) -> None:
    bench.authority.away = True
    bench.now += timedelta(hours=71)
    with pytest.raises(Fault):
        bench.do("a", sale())
    left = bench.register.status().window.left
    bench.do("z", CloseShift())
    bench.now -= timedelta(hours=70)
    assert bench.register.status().window.left <= left


LIMITS = OfflineLimits(continuous_hours=72, rolling_hours=144, rolling_days=30)


def window(hours: float, outages: tuple[tuple[float, float], ...] = (), contact: float | None = None) -> OfflineWindow:
    """The oldest document is so many hours old; outages in hours before now."""
    now = START

    def ms(ago: float) -> int:
        return unix_ms(now - timedelta(hours=ago))

    return offline_window(
        LIMITS,
        contact_ms=0 if contact is None else ms(contact),
        oldest_waiting_ms=ms(hours),
        outages=[(ms(began), ms(ended)) for began, ended in outages],
        last_ms=0,
        now=now,
    )


def test_s0_032_the_window_is_continuous_and_rolling() -> None:
    assert window(71.9).left == timedelta(minutes=6)
    assert window(72).is_over
    assert not window(57.5).warns
    assert window(57.7).warns
    assert window(10, contact=80).is_over, "whichever is earlier"
    rolling = window(40, ((300, 230), (150, 100)))
    assert rolling.is_over, "40 + 70 + 50 hours within 30 days"
    assert not window(40, ((1000, 800),)).is_over, "longer ago than 30 days"


def test_s0_087_a_software_register_has_no_way_into_a_memory(tmp_path: Path) -> None:
    authority = Authority()
    bench = Bench(tmp_path, authority=authority).opened()
    authority.away = True
    refused("TS-3250", bench, "a", sale())
    assert not bench.setup().works_offline
    assert bench.setup().uid == UID


def test_a_memory_that_is_full_can_be_started_again_and_again(tmp_path: Path) -> None:
    """What room is left is for the Z report and the closure, not for notes of each start."""
    bench = Bench(tmp_path, offline=True, records=6).opened()
    note_power_up(bench.memory, 0, bench.now)
    assert bench.memory.head.seq == 3
    bench.authority.away = True
    while not bench.memory.state.full:
        bench.do(f"sale-{bench.memory.head.seq}", sale())
    before = bench.memory.head
    for _ in range(3):
        note_power_up(bench.memory, 0, bench.now)
    assert bench.memory.head == before


def test_a_batch_comes_to_its_end_where_the_memory_has_no_room_for_the_anchor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, offline=True, records=6).opened()
    bench.authority.away = True
    while not bench.memory.state.full:
        bench.do(f"sale-{bench.memory.head.seq}", sale())
    bench.do("z", CloseShift())
    no_reserve = attrs.evolve(limits.LIMITS, worm_reserve_records=0)
    monkeypatch.setattr("tallystick.device.worm.file_memory.LIMITS", no_reserve)
    bench.authority.away = False
    bench.now += timedelta(hours=1)
    assert bench.sync()
    assert bench.register.status().waiting == 0
