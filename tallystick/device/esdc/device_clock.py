"""The device's clock: the machine's, and a correction of its own that is kept, bounded and visible (S2-017 to S2-019).

A program of a shop must not set a machine's clock, and need not: it adds a correction, from a time server or from a
person's hand. When the machine's clock is set while the device runs, the correction takes the step back, so that the
device's time goes on evenly.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock, from_unix_ms, unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.kit.atomic_file import write_atomically

log = logging.getLogger(__name__)

JUMP = timedelta(seconds=2)
"""A difference between the machine's clock and the time that really passed from which on somebody has set the clock."""
STEP_MOST = timedelta(seconds=LIMITS.clock_step_seconds)


class ClockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, in milliseconds. `proposed_ms` is a correction too large to be taken without a person's word."""

    offset_ms: int = 0
    since_ms: int
    """When this device first ran."""
    synchronised_ms: int | None = None
    by: str = ""
    """`person`, or the server that gave the time."""
    proposed_ms: int | None = None
    problem: str = ""
    """Why the last synchronisation failed; empty after a success."""


@attrs.frozen(slots=True, kw_only=True)
class ClockStatus:
    """How the clock stands now."""

    now: datetime
    offset: timedelta
    synchronised_at: datetime | None
    by: str
    overdue: bool
    proposed: timedelta | None
    problem: str


def boot_seconds() -> float:
    """Seconds that passed, sleep included, untouched by whoever sets the clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class DeviceClock:
    """A `Clock` for everything in the device. May be asked from any thread. Without a file nothing is kept."""

    def __init__(self, machine: Clock, file: Path | None = None, *, steady: Callable[[], float] = boot_seconds) -> None:
        self.machine = machine
        self._steady = steady
        self._file = file
        self._lock = threading.RLock()
        self._jumps: list[timedelta] = []
        self._seen = self._read_both()
        self._stamp = 0
        self._record = ClockRecord(since_ms=unix_ms(self._seen[0]))
        if not self.reload():
            self._keep(self._record)

    def __call__(self) -> datetime:
        """The device's time."""
        with self._lock:
            return self._machine_now() + timedelta(milliseconds=self._record.offset_ms)

    def _machine_now(self) -> datetime:
        """Read both clocks; a step of the machine's is taken out of the device's time."""
        now, steady = self._read_both()
        before, steady_before = self._seen
        jump = (now - before) - timedelta(seconds=steady - steady_before)
        self._seen = (now, steady)
        if abs(jump) > JUMP:
            self._jumps.append(jump)
            self.reload()
            self._keep(msgspec.structs.replace(self._record, offset_ms=self._record.offset_ms - _ms(jump)))
        return now

    def _read_both(self) -> tuple[datetime, float]:
        """The two clocks at one moment; read again when this thread was held up in between."""
        before, now, after = self._steady(), self.machine(), self._steady()
        for _ in range(4):
            if after - before < JUMP.total_seconds() / 4:
                break
            before, now, after = self._steady(), self.machine(), self._steady()
        return now, after

    def take_jumps(self) -> list[timedelta]:
        """Steps of the machine's clock since the last call."""
        with self._lock:
            jumps, self._jumps = self._jumps, []
            return jumps

    @property
    def record(self) -> ClockRecord:
        """What is kept."""
        return self._record

    def status(self, overdue_after: timedelta) -> ClockStatus:
        """How the clock stands; overdue counts from the last time it was set, or from the first run."""
        with self._lock:
            now, record = self(), self._record
            last = record.since_ms if record.synchronised_ms is None else record.synchronised_ms
            return ClockStatus(
                now=now,
                offset=timedelta(milliseconds=record.offset_ms),
                synchronised_at=None if record.synchronised_ms is None else from_unix_ms(record.synchronised_ms),
                by=record.by,
                overdue=abs(unix_ms(now) - last) > overdue_after // timedelta(milliseconds=1),
                proposed=None if record.proposed_ms is None else timedelta(milliseconds=record.proposed_ms),
                problem=record.problem,
            )

    # Setting

    def follow(self, behind: timedelta, server: str, *, surely_wrong: bool = False) -> bool:
        """A server says that the *machine's* clock is so far behind; false when the step needs a person's word.

        Taken at once: a step of at most 1000 seconds; any step of a clock that is certainly wrong; any step that
        makes machine and server agree within JUMP, since two who agree outvote a correction that was kept.
        """
        with self._lock:
            self.reload()
            self._machine_now()
            step = behind - timedelta(milliseconds=self._record.offset_ms)
            agreed = abs(behind) <= JUMP
            if abs(step) > STEP_MOST and not surely_wrong and not agreed:
                self._keep(msgspec.structs.replace(self._record, proposed_ms=_ms(step), problem=""))
                return False
            self._set(behind, server)
            return True

    def set_by_person(self, moment: datetime) -> None:
        """A person says what time it is. Raises `TS-3132` outside the bounds."""
        with self._lock:
            self.reload()
            self._set(moment - self._machine_now(), "person")

    def take_proposal(self) -> bool:
        """A person agrees to the large step that a server proposed; false when there is none."""
        with self._lock:
            self.reload()
            proposed, record = self._record.proposed_ms, self._record
            if proposed is None:
                return False
            self._set(timedelta(milliseconds=record.offset_ms + proposed), "person")
            return True

    def note_problem(self, reason: str) -> None:
        """A synchronisation failed."""
        with self._lock:
            self.reload()
            if reason != self._record.problem:
                self._keep(msgspec.structs.replace(self._record, problem=reason))

    def _set(self, offset: timedelta, by: str) -> None:
        moment = _bounded(self._seen[0], offset)
        self._keep(
            msgspec.structs.replace(
                self._record,
                offset_ms=_ms(offset),
                synchronised_ms=unix_ms(moment),
                by=by,
                proposed_ms=None,
                problem="",
            )
        )

    # The file

    def reload(self) -> bool:
        """Read the file if it is there and was changed, as a command does; false where there is none to read."""
        if self._file is None:
            return False
        try:
            stamp = self._file.stat().st_mtime_ns
            if stamp == self._stamp:
                return True
            record = msgspec.json.decode(self._file.read_bytes(), type=ClockRecord)
            _bounded(self.machine(), timedelta(milliseconds=record.offset_ms))
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError, OverflowError, Fault) as error:
            log.error("the record of the clock cannot be used: %s", error)
            return False
        with self._lock:
            self._record, self._stamp = record, stamp
        return True

    def _keep(self, record: ClockRecord) -> None:
        self._record = record
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._file, msgspec.json.encode(record))
            self._stamp = self._file.stat().st_mtime_ns
        except OSError as error:
            log.error("the record of the clock cannot be written: %s", error)


def _ms(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def _bounded(machine: datetime, offset: timedelta) -> datetime:
    """The device's time with an offset; raises `TS-3132` outside the years that a clock may show."""
    try:
        moment = machine + offset
    except OverflowError:
        moment = datetime(1, 1, 1, tzinfo=UTC)
    if not LIMITS.clock_year_first <= moment.year <= LIMITS.clock_year_last:
        raise Fault("TS-3132", detail=f"the year {moment.year}")
    return moment
