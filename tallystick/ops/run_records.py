"""Who runs: one small file a process in the run folder, so that what a killed run left can be found again.

A process is known by pid, start time and boot together, never by its name: a pid alone is given out again.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.child_process import send_signal, start_ticks, wait_until_gone

_SUPERVISOR = "supervisor"


class AlreadyRunning(RuntimeError):
    """Another supervisor holds the run folder."""


@attrs.frozen
class RunRecord:
    """One process that was started."""

    name: str
    pid: int
    ticks: int
    boot: str

    @classmethod
    def of(cls, name: str, pid: int) -> "RunRecord":
        """The record of a process that lives now; a process that is gone already has start time -1."""
        ticks = start_ticks(pid)
        return cls(name, pid, -1 if ticks is None else ticks, _boot())

    def lives(self) -> bool:
        """Whether that very process still runs."""
        return self.boot == _boot() and start_ticks(self.pid) == self.ticks


def write_record(folder: Path, record: RunRecord) -> None:
    """Keep `record` in the run folder."""
    write_atomically(_file(folder, record.name), json.dumps(attrs.asdict(record)).encode(), durable=False)


def remove_record(folder: Path, name: str) -> None:
    """Forget the process `name`."""
    _file(folder, name).unlink(missing_ok=True)


def read_records(folder: Path) -> list[RunRecord]:
    """All records of the run folder; a file that cannot be read names nobody."""
    found = []
    for file in sorted(folder.glob("*.pid")):
        try:
            found.append(RunRecord(**json.loads(file.read_bytes())))
        except (OSError, ValueError, TypeError):
            file.unlink(missing_ok=True)
    return found


@contextmanager
def hold_run_folder(folder: Path) -> Iterator[None]:
    """Be the one supervisor of this folder; raises `AlreadyRunning` while another is."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = next((record.pid for record in read_records(folder) if record.name == _SUPERVISOR), "unknown")
            raise AlreadyRunning(f"a run is on already (process {holder}); `make stop` ends it") from None
        write_record(folder, RunRecord.of(_SUPERVISOR, os.getpid()))
        try:
            yield
        finally:
            remove_record(folder, _SUPERVISOR)


def end_recorded(folder: Path, *, patience_seconds: float = 10) -> list[str]:
    """End what a killed run left behind, each by its pid, politely and then not; returns the names that still lived."""
    left = [record for record in read_records(folder) if record.pid != os.getpid()]
    living = [record for record in left if record.lives()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        remaining = {record.pid: record.ticks for record in living if record.lives()}
        for pid in remaining:
            send_signal(pid, number)
        if remaining:
            wait_until_gone(remaining, patience_seconds)
    for record in left:
        remove_record(folder, record.name)
    return [record.name for record in living]


def stop_run(folder: Path, *, patience_seconds: float = 60) -> bool:
    """Ask the supervisor of this folder to end, wait, and end what is left; False when nothing ran."""
    supervisors = [record for record in read_records(folder) if record.name == _SUPERVISOR and record.lives()]
    for record in supervisors:
        send_signal(record.pid, signal.SIGTERM)
        wait_until_gone({record.pid: record.ticks}, patience_seconds)
    return bool(end_recorded(folder) or supervisors)


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pid"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return time.strftime("%Y")  # no /proc, no boot number; the start time has to do
