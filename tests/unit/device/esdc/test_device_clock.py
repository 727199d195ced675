"""The device's clock: its correction, what it takes and what it wants confirmed, steps of the machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallystick.device.esdc.device_clock import JUMP, STEP_MOST, DeviceClock
from tallystick.kernel.faults import Fault

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS_2 = timedelta(hours=48)


class Machine:
    """A machine whose clock can be set, beside the seconds that really pass."""

    def __init__(self) -> None:
        self.now = START
        self.seconds = 100.0

    def clock(self) -> datetime:
        return self.now

    def steady(self) -> float:
        return self.seconds

    def passes(self, seconds: float, *, drift: float = 0.0) -> None:
        self.seconds += seconds
        self.now += timedelta(seconds=seconds + drift)

    def device(self, file: Path | None = None) -> DeviceClock:
        return DeviceClock(self.clock, file, steady=self.steady)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_s2_017_without_a_correction_it_is_the_machines(machine: Machine) -> None:
    clock = machine.device()
    assert clock() == START
    machine.passes(5)
    assert clock() == START + timedelta(seconds=5)


def test_s2_018_a_small_step_is_taken_and_kept(machine: Machine, tmp_path: Path) -> None:
    clock = machine.device(tmp_path / "x" / "clock.json")
    assert clock.follow(timedelta(seconds=90), "time.example")
    assert clock() == START + timedelta(seconds=90)
    again = machine.device(tmp_path / "x" / "clock.json")
    assert again() == START + timedelta(seconds=90)
    status = again.status(DAYS_2)
    assert (status.by, status.synchronised_at, status.overdue) == ("time.example", START + timedelta(seconds=90), False)


@pytest.mark.parametrize("step", [STEP_MOST + timedelta(seconds=1), timedelta(days=-400), timedelta(hours=3)])
def test_a_large_step_waits_for_a_person(machine: Machine, step: timedelta) -> None:
    """A forged answer must not carry invoices into another year."""
    clock = machine.device()
    assert not clock.follow(step, "time.example")
    assert clock() == START
    assert clock.status(DAYS_2).proposed == step
    assert clock.take_proposal()
    assert clock() == START + step
    assert clock.status(DAYS_2).proposed is None
    assert not clock.take_proposal()


def test_a_clock_that_is_surely_wrong_takes_any_step(machine: Machine) -> None:
    machine.now = datetime(1970, 1, 1, tzinfo=UTC)
    clock = machine.device()
    assert clock.follow(START - machine.now, "time.example", surely_wrong=True)
    assert clock() == START


def test_machine_and_server_that_agree_outvote_an_old_correction(machine: Machine) -> None:
    clock = machine.device()
    clock.set_by_person(START + timedelta(days=2))
    assert clock.follow(timedelta(milliseconds=300), "time.example")
    assert clock() == START + timedelta(milliseconds=300)


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(days=90), timedelta(seconds=3)])
def test_a_machine_whose_clock_is_set_does_not_move_the_devices(machine: Machine, jump: timedelta) -> None:
    """Checklist 16: a jump back, and one forward; the time goes on evenly and the step is told once."""
    clock = machine.device()
    machine.passes(10)
    clock()
    machine.passes(1, drift=jump.total_seconds())
    assert clock() == START + timedelta(seconds=11)
    assert clock.take_jumps() == [jump]
    assert clock.take_jumps() == []
    machine.passes(1)
    assert clock() == START + timedelta(seconds=12)


def test_a_machine_that_is_slewed_is_followed(machine: Machine) -> None:
    """The operating system's own time service corrects by little and little: that is no jump."""
    clock = machine.device()
    for _ in range(60):
        machine.passes(60, drift=0.03)
        clock()
    assert clock.take_jumps() == []
    assert clock() == machine.now


def test_sleep_is_no_jump(machine: Machine) -> None:
    clock = machine.device()
    machine.passes(8 * 3600)
    assert clock() == machine.now
    assert clock.take_jumps() == []


def test_a_jump_is_kept_over_a_restart(machine: Machine, tmp_path: Path) -> None:
    clock = machine.device(tmp_path / "clock.json")
    machine.passes(1, drift=-3600)
    clock()
    assert machine.device(tmp_path / "clock.json")() == START + timedelta(seconds=1)


def test_s2_018_overdue_after_48_hours(machine: Machine) -> None:
    """Checklist 16: 48 h without a time server, counted from the first run, then from each time it was set."""
    clock = machine.device()
    machine.passes(48 * 3600)
    assert not clock.status(DAYS_2).overdue
    machine.passes(1)
    assert clock.status(DAYS_2).overdue
    clock.follow(timedelta(), "time.example")
    assert not clock.status(DAYS_2).overdue
    machine.passes(48 * 3600 + 1)
    assert clock.status(DAYS_2).overdue


def test_s2_019_a_person_sets_it(machine: Machine) -> None:
    clock = machine.device()
    clock.set_by_person(START + timedelta(days=365))
    assert clock() == START + timedelta(days=365)
    assert clock.status(DAYS_2).by == "person"


@pytest.mark.parametrize("year", [1, 1999, 2101, 9999])
def test_ts_3132_out_of_bounds(machine: Machine, year: int) -> None:
    clock = machine.device()
    with pytest.raises(Fault, match="TS-3132"):
        clock.set_by_person(START.replace(year=year))
    with pytest.raises(Fault, match="TS-3132"):
        clock.follow(START.replace(year=year) - START, "time.example", surely_wrong=True)
    assert clock() == START


def test_a_time_that_a_command_sets_is_taken_over_while_it_runs(machine: Machine, tmp_path: Path) -> None:
    running = machine.device(tmp_path / "clock.json")
    machine.device(tmp_path / "clock.json").set_by_person(START + timedelta(minutes=7))
    assert running() == START
    running.reload()
    assert running() == START + timedelta(minutes=7)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"since_ms": "x"}', b'{"since_ms":1,"offset_ms":9999999999999}']
)
def test_a_record_that_cannot_be_read_is_replaced(machine: Machine, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clock.json").write_bytes(content)
    assert machine.device(tmp_path / "clock.json")() == START
    assert machine.device(tmp_path / "clock.json").record.since_ms > 0


def test_a_disk_that_takes_nothing_stops_no_clock(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    clock = machine.device(tmp_path / "file" / "clock.json")
    assert clock.follow(timedelta(seconds=9), "time.example")
    assert clock() == START + timedelta(seconds=9)


def test_a_failure_is_kept_until_the_next_success(machine: Machine) -> None:
    clock = machine.device()
    clock.note_problem("no answer")
    assert clock.status(DAYS_2).problem == "no answer"
    clock.follow(JUMP, "time.example")
    assert clock.status(DAYS_2).problem == ""
