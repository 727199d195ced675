"""The device's own log for people: every error of S2-136 to S2-143 and what else matters, one line each (S2-134).

Lines stand in the order in which things happened, with local date and time. They lie in small files beside the
stores, bounded in days and bytes, and give way when the disk gets tight: packages come first. No line holds a PIN or
anything of a buyer: who writes here names codes, states and places, never values of a request.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path

import attrs

from tallystick.device.esdc.settings import LogBounds
from tallystick.device.esdc.storage import FreeBytes, free_bytes_of_disk
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS

log = logging.getLogger(__name__)

_IN_MEMORY = 500
_SAME_AGAIN = timedelta(minutes=1)
_LINE = re.compile(r"(\S{10} \S{14})  (ERROR|event)  (\S+) +(.*)")


class Kind(StrEnum):
    """What an entry is about: the kinds of error that must be logged, and the rest."""

    REQUEST = "request"
    CARD = "card"
    AUTHORITY = "authority"
    INTERNAL = "internal"
    INITIALIZATION = "initialization"
    FISCALIZATION = "fiscalization"
    AUDIT = "audit"
    TIME = "time"
    DEVICE = "device"


@attrs.frozen(slots=True)
class Entry:
    """One line."""

    at: str
    """Local date and time with the offset from UTC, to the second."""
    error: bool
    kind: str
    text: str

    def __str__(self) -> str:
        """As it stands in the file."""
        return f"{self.at}  {'ERROR' if self.error else 'event'}  {self.kind:<15}{self.text}"


class DeviceLog:
    """Written from any thread. A log that cannot be written never stops the device."""

    def __init__(
        self,
        folder: Path | None,
        clock: Clock,
        zone: Callable[[], tzinfo],
        bounds: LogBounds | None = None,
        free_bytes: FreeBytes = free_bytes_of_disk,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._zone = zone
        self._bounds = bounds or LogBounds()
        self._free_bytes = free_bytes
        self._lock = threading.Lock()
        self._memory: deque[Entry] = deque(maxlen=_IN_MEMORY)
        self._same: tuple[Entry, datetime] | None = None
        self._repeats = 0
        self.left_out = 0
        """Lines that the disk had no room for, since the start."""
        self.last_error: Entry | None = next((one for one in self.newest_first() if one.error), None)

    def error(self, kind: Kind, text: str) -> None:
        """Something failed."""
        self._add(kind, text, error=True)

    def event(self, kind: Kind, text: str) -> None:
        """Something happened that is worth a line (S2-144)."""
        self._add(kind, text, error=False)

    def failure(self, kind: Kind, what: str, error: BaseException) -> None:
        """An exception of our own: its type and its place, never its words, which may repeat a request's values."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        self.error(kind, f"{what}: {type(error).__name__}{place}")

    def _add(self, kind: Kind, text: str, *, error: bool) -> None:
        text = "".join(one if one.isprintable() else " " for one in text[: LIMITS.device_log_line_characters])
        log.log(logging.ERROR if error else logging.INFO, "%s: %s", kind, text)
        now = self._clock().astimezone(self._zone())
        entry = Entry(now.isoformat(" ", "seconds"), error, kind, text)
        with self._lock:
            if error:
                self.last_error = entry
            if self._same is not None and _alike(self._same[0], entry) and abs(now - self._same[1]) < _SAME_AGAIN:
                self._repeats += 1
                return
            if self._repeats and self._same is not None:
                again = attrs.evolve(self._same[0], text=f"(the line before, {self._repeats} times more)")
                self._write(again)
            self._same, self._repeats = (entry, now), 0
            self._write(entry)

    def _write(self, entry: Entry) -> None:
        self._memory.append(entry)
        if self._folder is None:
            return
        try:
            self._append(self._folder, f"{entry}\n".encode())
        except OSError as error:
            self.left_out += 1
            log.warning("the device's log cannot be written: %s", error)

    # Files

    def _append(self, folder: Path, line: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        segments = self._segments()
        if self._free_bytes(folder) < self._bounds.disk_free_bytes_min:
            for segment in segments[:-1]:
                segment.unlink(missing_ok=True)
            if self._free_bytes(folder) < self._bounds.disk_free_bytes_min:
                self.left_out += 1
                return
            segments = segments[-1:]
        current = segments[-1] if segments else folder / "00000001.log"
        if segments and self._is_full(current, line):
            current = folder / f"{int(current.stem) + 1:08d}.log"
            self._prune(segments)
        with current.open("ab") as file:
            file.write(line)

    def _is_full(self, segment: Path, line: bytes) -> bool:
        """At a size, and at each new day, so that whole days can go."""
        if segment.stat().st_size + len(line) > self._bounds.segment_bytes:
            return True
        with segment.open("rb") as file:
            return file.read(10) != line[:10]

    def _prune(self, segments: list[Path]) -> None:
        """Drop what is older than the days that are kept, then the oldest until the bytes fit."""
        oldest_day = (self._clock() - timedelta(days=self._bounds.days)).astimezone(self._zone()).date().isoformat()
        size = sum(segment.stat().st_size for segment in segments) + self._bounds.segment_bytes
        for segment in segments:
            with segment.open("rb") as file:
                day = file.read(10).decode("ascii", "replace")
            if day >= oldest_day and size <= self._bounds.bytes_max:
                break
            size -= segment.stat().st_size
            segment.unlink(missing_ok=True)

    def _segments(self) -> list[Path]:
        return segments_of(self._folder) if self._folder is not None else []

    # Reading

    def newest_first(self) -> Iterator[Entry]:
        """All entries, the newest first."""
        if self._folder is None:
            yield from reversed(self._memory)
            return
        yield from read_newest_first(self._folder)

    def find(self, words: str = "", most: int = LIMITS.face_lines) -> list[Entry]:
        """The newest entries that hold all the words, in any case, newest first."""
        return matching(self.newest_first(), words, most)

    def text(self, words: str = "") -> str:
        """What an export holds: every line that holds all the words, oldest first."""
        return export_text(self.newest_first(), words)


def _alike(one: Entry, other: Entry) -> bool:
    return (one.error, one.kind, one.text) == (other.error, other.kind, other.text)


def segments_of(folder: Path) -> list[Path]:
    """The files of a log, oldest first."""
    return sorted(file for file in folder.glob("*.log") if file.stem.isdecimal()) if folder.is_dir() else []


def read_newest_first(folder: Path) -> Iterator[Entry]:
    """Entries of a log that may be written meanwhile; a line that is not whole is left out."""
    for segment in reversed(segments_of(folder)):
        try:
            lines = segment.read_bytes().decode("utf-8", "replace").split("\n")
        except FileNotFoundError:
            continue
        for line in reversed(lines):
            if (match := _LINE.fullmatch(line)) is not None:
                yield Entry(match[1], match[2] == "ERROR", match[3], match[4])


def matching(entries: Iterator[Entry], words: str, most: int | None = None) -> list[Entry]:
    """Those that hold all the words."""
    wanted = words.casefold().split()
    found: list[Entry] = []
    for entry in entries:
        if all(word in str(entry).casefold() for word in wanted):
            found.append(entry)
            if most is not None and len(found) >= most:
                break
    return found


def export_text(entries: Iterator[Entry], words: str = "") -> str:
    """Lines, oldest first."""
    return "".join(f"{entry}\n" for entry in reversed(matching(entries, words)))
