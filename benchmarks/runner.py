"""Runs one benchmark in a process of its own, and prints its lines as they come: ``python -m benchmarks.runner NAME``.

The parent waits no longer than the benchmark's time, asks it to end, and then ends its whole group: nothing stays.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from benchmarks.claim import CannotRun, unmeasured
from tallystick.ops.child_process import die_with_parent

ENDED_WELL = 0
CANNOT_RUN = 3
BROKE = 1
FOLDER_VARIABLE = "BENCH_FOLDER"
_TIDY_UP_SECONDS = 60.0


class Runner:
    """One benchmark with a folder for what it writes; ``seconds`` bounds it, none means no bound."""

    def __init__(self, name: str, full: bool, folder: Path, seconds: float | None) -> None:
        self._name = name
        self._full = full
        self._folder = folder
        self._seconds = seconds
        self._late = False

    def run(self) -> tuple[list[str], int]:
        """Run it to its end; the lines that were printed, and how it ended."""
        if self._seconds is not None and self._seconds <= 0:
            return [self._say("not run: the time of the short set is used up")], CANNOT_RUN
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.runner", self._name, *(["--full"] if self._full else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, FOLDER_VARIABLE: str(self._folder)},
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - two plain calls, loaded before
        )
        timer = None if self._seconds is None else threading.Timer(self._seconds, self._stop, [process])
        try:
            if timer is not None:
                timer.start()
            lines = self._pass_on(process)
            status = process.wait()
        finally:
            if timer is not None:
                timer.cancel()
            end(process)
            if process.stdout is not None:
                process.stdout.close()
        if self._late:
            lines.append(self._say(f"stopped: it took longer than {self._seconds:.0f} s"))
        elif status not in (ENDED_WELL, BROKE, CANNOT_RUN):
            lines.append(self._say(f"broke: its process ended with {status}"))
        return lines, status or (BROKE if self._late else ENDED_WELL)

    def _pass_on(self, process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            print(lines[-1], flush=True)
        return lines

    def _stop(self, process: subprocess.Popen[str]) -> None:
        self._late = True
        end(process)

    def _say(self, why: str) -> str:
        line = unmeasured(self._name, why)
        print(line, flush=True)
        return line


def end(process: subprocess.Popen[str]) -> None:
    """Ask a benchmark to end and to take its processes along; then end its group by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_TIDY_UP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _short(error: Exception) -> str:
    """Kind, first and last line of an exception: the last often is the end of a log that says why."""
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}" + (f" ... {lines[-1]}" if len(lines) > 1 else "")


def main() -> NoReturn:
    """The child: print the claims of one benchmark; exit status 0, or what went wrong."""
    name, full = sys.argv[1], "--full" in sys.argv
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for claim in importlib.import_module(f"benchmarks.{name}").run(full):
            print(claim.line(), flush=True)
    except CannotRun as error:
        print(unmeasured(name, f"cannot run: {error}"), flush=True)
        sys.exit(CANNOT_RUN)
    except Exception as error:
        traceback.print_exc()
        print(unmeasured(name, f"broke: {_short(error)}"), flush=True)
        sys.exit(BROKE)
    sys.exit(ENDED_WELL)


if __name__ == "__main__":
    main()
