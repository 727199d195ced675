"""The device's log: order, local time, bounds in days and bytes, room for packages first, nothing that is secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import pytest
from esdc_bench import TestClock

from tallystick.device.esdc.device_log import DeviceLog, Kind, export_text, read_newest_first, segments_of
from tallystick.device.esdc.settings import LogBounds

BELGRADE = ZoneInfo("Europe/Belgrade")
PLENTY = 10**12
BEFORE_SUMMER_ENDS = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


class Desk:
    """A log in the hand of a test."""

    def __init__(self, folder: Path | None, bounds: LogBounds | None = None) -> None:
        self.folder = folder
        self.clock = TestClock(datetime(2026, 6, 1, 22, 30, tzinfo=UTC))
        self.free = PLENTY
        self.bounds = bounds or LogBounds()
        self.log = self.open()

    def open(self) -> DeviceLog:
        self.log = DeviceLog(self.folder, self.clock, lambda: BELGRADE, self.bounds, lambda _: self.free)
        return self.log


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "log")


def test_s2_134_lines_stand_in_order_with_local_date_and_time(desk: Desk) -> None:
    desk.log.error(Kind.CARD, "first")
    desk.clock.forward(seconds=61)
    desk.log.event(Kind.TIME, "second")
    assert desk.log.text().splitlines() == [
        "2026-06-02 00:30:00+02:00  ERROR  card           first",
        "2026-06-02 00:31:01+02:00  event  time           second",
    ]


def test_the_hour_that_comes_twice_keeps_its_order_and_is_told_apart(desk: Desk) -> None:
    """Checklist 16: the night on which summer time ends."""
    desk.clock.now = BEFORE_SUMMER_ENDS
    desk.log.event(Kind.DEVICE, "before")
    desk.clock.forward(hours=1)
    desk.log.event(Kind.DEVICE, "after")
    times = [line[:25] for line in desk.log.text().splitlines()]
    assert times == ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"]


def test_a_clock_that_goes_back_changes_no_order(desk: Desk) -> None:
    for text in ("one", "two", "three"):
        desk.log.event(Kind.DEVICE, text)
        desk.clock.forward(days=-3)
    assert [line.split()[-1] for line in desk.log.text().splitlines()] == ["one", "two", "three"]


def test_it_outlives_a_restart(desk: Desk) -> None:
    desk.log.error(Kind.AUDIT, "kept")
    again = desk.open()
    assert again.last_error is not None
    assert again.last_error.text == "kept"
    again.error(Kind.AUDIT, "further")
    assert [one.text for one in again.newest_first()] == ["further", "kept"]


def test_the_same_line_again_is_counted(desk: Desk) -> None:
    for _ in range(50):
        desk.log.error(Kind.CARD, "no answer")
        desk.clock.forward(seconds=1)
    desk.log.event(Kind.DEVICE, "card removed")
    assert [one.text for one in desk.log.newest_first()] == [
        "card removed",
        "(the line before, 49 times more)",
        "no answer",
    ]


def test_thirty_days_are_kept(desk: Desk) -> None:
    for day in range(40):
        desk.log.event(Kind.DEVICE, f"day {day}")
        desk.clock.forward(days=1)
    kept = [one.text for one in desk.log.newest_first()]
    assert kept[0] == "day 39"
    assert kept[-1] == "day 9"


def test_bytes_are_bounded_whatever_happens(tmp_path: Path) -> None:
    bounds = LogBounds(bytes_max=20_000, segment_bytes=2_000)
    desk = Desk(tmp_path, bounds)
    for number in range(1_000):
        desk.log.error(Kind.REQUEST, f"{number} {'x' * 200}")
    assert sum(file.stat().st_size for file in segments_of(tmp_path)) <= bounds.bytes_max
    assert next(desk.log.newest_first()).text.startswith("999 ")


def test_packages_come_first_when_the_disk_gets_tight(desk: Desk) -> None:
    desk.bounds = attrs.evolve(desk.bounds, segment_bytes=300)
    desk.open()
    for number in range(20):
        desk.log.event(Kind.DEVICE, f"line {number}")
    assert desk.folder is not None
    assert len(segments_of(desk.folder)) > 3
    desk.free = desk.bounds.disk_free_bytes_min - 1
    desk.log.error(Kind.DEVICE, "no room")
    assert len(segments_of(desk.folder)) == 1, "the old lines went"
    assert desk.log.left_out == 1
    desk.free = PLENTY
    desk.log.error(Kind.DEVICE, "room again")
    assert next(desk.log.newest_first()).text == "room again"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    desk = Desk(tmp_path / "file" / "log")
    desk.log.error(Kind.DEVICE, "lost")
    assert desk.log.left_out == 1
    assert desk.log.last_error is not None


def test_lines_cannot_be_forged_from_outside(desk: Desk) -> None:
    desk.log.error(Kind.AUTHORITY, "away\n2026-01-01 00:00:00+00:00  event  device  all well\u2028\u202e\x1b[2J")
    assert desk.log.text().count("\n") == 1
    assert "\x1b" not in desk.log.text()
    assert "\u202e" not in desk.log.text()


def test_a_line_that_was_cut_is_left_out(desk: Desk) -> None:
    desk.log.event(Kind.DEVICE, "whole")
    assert desk.folder is not None
    (segment,) = segments_of(desk.folder)
    segment.write_bytes(segment.read_bytes() + b"2026-06-02 00:3")
    assert export_text(read_newest_first(desk.folder)).count("\n") == 1


def test_search_finds_all_words_in_any_case(desk: Desk) -> None:
    desk.log.error(Kind.CARD, "Instruction 13: limit reached")
    desk.log.event(Kind.CARD, "inserted")
    assert [one.text for one in desk.log.find("LIMIT card")] == ["Instruction 13: limit reached"]
    assert desk.log.find("limit inserted") == []
    assert len(desk.log.find("", most=1)) == 1
    assert desk.log.text("error").count("\n") == 1


def test_an_exception_is_told_by_type_and_place_never_by_its_words(desk: Desk) -> None:
    try:
        raise ValueError("10:998877665")
    except ValueError as error:
        desk.log.failure(Kind.INTERNAL, "a request failed", error)
    (entry,) = desk.log.newest_first()
    assert re.fullmatch(r"a request failed: ValueError at test_device_log.py:\d+", entry.text)


def test_without_a_folder_it_lives_in_memory() -> None:
    desk = Desk(None)
    desk.log.error(Kind.DEVICE, "here")
    assert desk.log.find("here")[0].error
    assert timedelta(days=desk.bounds.days) == timedelta(days=30)
