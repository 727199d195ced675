"""What every child process of ours gets: it dies with its parent, and it is known by pid and start time.

A pid alone is no name: the kernel gives it out again. Pid and start time together name one process of this boot.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(stop_signal: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """A `preexec_fn` that makes the kernel send `stop_signal` to the child when its parent is gone; None elsewhere.

    Linux ties this to the *thread* that started the child, so a child started beside the main thread goes without:
    it would be stopped when that thread ends.
    """
    if _LIBC is None or threading.current_thread() is not threading.main_thread():
        return None
    libc, parent = _LIBC, os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died in between, so nobody would tell us
            os._exit(1)

    return arrange


def end_with(parent: int, stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """In a child that somebody else starts for us: have the kernel end it when `parent` is gone; nothing elsewhere."""
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def start_ticks(pid: int) -> int | None:
    """When the process `pid` started, in clock ticks since boot; None when it is gone or only a corpse waits.

    Where there is no /proc the answer is 0 for every living process: then the pid has to do.
    """
    if not Path("/proc/self/stat").exists():
        return 0 if _lives(pid) else None
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal one process by its id; that it is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def wait_until_gone(processes: dict[int, int], timeout_seconds: float) -> dict[int, int]:
    """Wait for processes, given as pid → start time, that are not our children; returns those that still live."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        processes = {pid: ticks for pid, ticks in processes.items() if start_ticks(pid) == ticks}
        if not processes or time.monotonic() > deadline:
            return processes
        time.sleep(0.01)
