"""A hold stays until the authority lifts it (S0-030): asked for often, and lifted by no file that goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from remote_desk import Desk, code, command
from till_bench import Bench, without_flushes
from till_outage import all_is_there, away

from tallystick.device.ecr.remote.control import LOOK_EVERY_HELD
from tallystick.device.ecr.remote.store import CommandStore
from tallystick.device.ecr.synchronise import Synchroniser
from tallystick.kernel.device_commands import (
    Hold,
    PolicyChange,
    Release,
)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Bench(tmp_path).opened())


def test_a_register_on_hold_asks_often_for_its_release(desk: Desk) -> None:
    control = desk.control()
    background = Synchroniser(desk.bench.register, desk.bench.authority, desk.bench.clock, control=control)
    desk.waiting[1] = command(1, Hold())
    assert background.obey()
    asked = desk.asked
    desk.bench.now += LOOK_EVERY_HELD
    assert background.obey()
    assert desk.asked == asked + 1, "nothing tells it: it makes no documents"


def test_s0_030_a_hold_is_not_lifted_by_taking_its_file_away(desk: Desk) -> None:
    """Also not by a power cut in the middle; a release of the authority lifts it, a restart or a policy does not."""
    bench = desk.bench
    desk.order(1, Hold())
    bench.switch_off()
    for file in bench.folder.glob("commands.db*"):
        file.unlink()
    CommandStore(bench.folder).close()  # the power fails when the new file is there and nothing else
    bench.restart()
    for _ in range(2):
        assert code(desk, "a") == "TS-2407"
        assert "lost" in bench.register.why_held
        bench.restart()
    assert desk.order(2, PolicyChange(shift_hours=8)).state == "hold", "so the authority hears of it"
    assert desk.order(3, Release()).state == "active"
    assert code(desk, "b") == ""
    bench.restart()
    assert code(desk, "c") == ""


def test_a_new_register_begins_without_a_hold_and_an_older_file_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path).opened()
    assert not bench.register.why_held
    bench.switch_off()
    with sqlite3.connect(bench.folder / "commands.db") as file:
        file.executescript(
            "ALTER TABLE control DROP COLUMN begun; ALTER TABLE control DROP COLUMN lost; PRAGMA user_version = 1"
        )
    assert not bench.switch_on().why_held


@pytest.mark.parametrize("is_told", [True, False])
def test_s0_030_on_hold_its_batch_waits_and_is_asked_for_as_told(tmp_path: Path, is_told: bool) -> None:
    """Once a minute; at once when the command to go on is here; and once after a restart. It is sealed once."""
    desk = Desk(away(tmp_path))
    bench, authority = desk.bench, desk.bench.authority
    authority.on_hold = True
    if is_told:
        desk.order(1, Hold())
    background = Synchroniser(bench.register, authority, bench.clock)

    def asked() -> int:
        assert background.round()
        return authority.steps.count("find")

    assert asked() == 0
    assert bench.register.status().awaits_release
    assert [asked() for _ in range(20)] == [0] * 20, "no round asks before it is time"
    bench.now += timedelta(seconds=60)
    assert [asked(), asked()] == [1, 1]
    bench.restart()
    background = Synchroniser(bench.register, authority, bench.clock)
    assert [asked(), asked()] == [2, 2]
    bench.now -= timedelta(hours=3)
    assert asked() == 3, "a clock that is set back makes no wait longer"
    authority.on_hold = False
    if is_told:
        assert desk.order(2, Release()).state == "active"
    else:
        bench.now += timedelta(seconds=60)
    assert asked() == 4
    status = bench.register.status()
    assert (status.awaits_release, status.waiting, status.apart, status.stopped) == (False, 0, "", "")
    all_is_there(bench)
    assert authority.steps.count("before close") == 1
