"""Starts child processes in order, waits until each is ready, restarts those that die, and stops all in reverse.

Single-threaded on purpose: the owner calls `tick` often (a few times a second) from the thread that made the
children. Linux ties a child's life to that thread, so children die with us even when we are killed.
"""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import attrs

from tallystick.kit.retry import backoff_seconds
from tallystick.ops.child_process import die_with_parent
from tallystick.ops.metrics import RESTARTS
from tallystick.ops.run_records import RunRecord, end_recorded, hold_run_folder, remove_record, write_record

_STEADY_SECONDS = 30.0
_POLL_SECONDS = 0.05

Readiness = Callable[[], bool]


class ChildFailed(RuntimeError):
    """A child did not become ready; the message holds the end of its log."""


@attrs.frozen(kw_only=True)
class ChildSpec:
    """How one child is started. `environment` is laid over ours; `ready` is asked until it says yes."""

    name: str
    argv: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = attrs.field(factory=dict)
    ready: Readiness | None = None
    ready_timeout_seconds: float = 60.0
    stop_seconds: float = 20.0


def ready_by_url(announce: Path) -> Readiness:
    """Ready when the port that the child wrote into `announce` answers /ready with 200."""

    def ask() -> bool:
        try:
            port = int(announce.read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    return ask


def ready_by_file(path: Path) -> Readiness:
    """Ready when `path` is there: a socket, or a note of the child's."""
    return path.exists


@attrs.define
class _Child:
    spec: ChildSpec
    process: subprocess.Popen[bytes]
    started_at: float
    pauses: Iterator[float]
    restarts: int = 0
    due_at: float | None = None


class Supervisor:
    """Keeps a set of children running; use it as a context manager, or call `stop_all` yourself.

    `on_event(name, event)` hears `started`, `ready`, `died`, `restarted` and `stopped`.
    """

    def __init__(
        self,
        run_folder: Path,
        *,
        on_event: Callable[[str, str], object] = lambda _name, _event: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = run_folder
        self._on_event = on_event
        self._clock = clock
        self._children: dict[str, _Child] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Take the run folder (raises `AlreadyRunning`) and end what a killed run left behind."""
        self._held.enter_context(hold_run_folder(self._folder))
        end_recorded(self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()
        self._held.close()

    def start(self, *specs: ChildSpec) -> None:
        """Start children together and wait until all are ready.

        Raises `ChildFailed` when one dies first or takes too long.
        """
        for spec in specs:
            assert spec.name not in self._children, f"{spec.name} runs already"
            pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
            self._children[spec.name] = _Child(spec, self._spawn(spec), self._clock(), pauses)
            self._on_event(spec.name, "started")
        for spec in specs:
            self._await_ready(self._children[spec.name])

    def _await_ready(self, child: _Child) -> None:
        spec = child.spec
        deadline = self._clock() + spec.ready_timeout_seconds
        while spec.ready and not spec.ready():
            if child.process.poll() is not None:
                raise ChildFailed(f"{spec.name} ended with {child.process.returncode}:\n{_last_lines(spec.log_file)}")
            if self._clock() > deadline:
                raise ChildFailed(
                    f"{spec.name} is not ready after {spec.ready_timeout_seconds:g} s:\n{_last_lines(spec.log_file)}"
                )
            time.sleep(_POLL_SECONDS)
        self._on_event(spec.name, "ready")

    def tick(self) -> None:
        """Notice children that died, and start each anew after its pause; never blocks."""
        now = self._clock()
        for child in self._children.values():
            if child.due_at is None and child.process.poll() is not None:
                if now - child.started_at > _STEADY_SECONDS:  # it ran well: this is a new trouble, not the old one
                    child.pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
                child.due_at = now + next(child.pauses)
                self._on_event(child.spec.name, f"died with {child.process.returncode}")
            if child.due_at is not None and now >= child.due_at:
                child.process, child.started_at, child.due_at = self._spawn(child.spec), now, None
                child.restarts += 1
                RESTARTS.labels(child.spec.name).set(child.restarts)
                self._on_event(child.spec.name, "restarted")

    def run_until(self, stop: Callable[[], bool], *, every_seconds: float = 0.2) -> None:
        """Tick until `stop` says so."""
        while not stop():
            self.tick()
            time.sleep(every_seconds)

    def stop(self, name: str) -> None:
        """Stop one child: SIGTERM, its time to end, then SIGKILL."""
        child = self._children.pop(name)
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(child.spec.stop_seconds)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        remove_record(self._folder, name)
        self._on_event(name, "stopped")

    def stop_all(self) -> None:
        """Stop all children, the last started first: nobody loses what it leans on before it ends."""
        for name in reversed(list(self._children)):
            self.stop(name)

    def pid(self, name: str) -> int:
        """The process that runs as `name` now."""
        return self._children[name].process.pid

    def restarts(self, name: str) -> int:
        """How often `name` was started anew."""
        return self._children[name].restarts

    def _spawn(self, spec: ChildSpec) -> subprocess.Popen[bytes]:
        with spec.log_file.open("ab") as log:
            process = subprocess.Popen(
                list(spec.argv),
                env={**os.environ, **spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for us; children are stopped in their turn
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - two plain calls, loaded before
            )
        write_record(self._folder, RunRecord.of(spec.name, process.pid))
        return process


def stop_flag() -> Callable[[], bool]:
    """Catch SIGINT and SIGTERM from now on; the returned function says whether one came."""
    caught: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda seen, _frame: caught.append(seen))
    return lambda: bool(caught)


def _last_lines(log_file: Path, count: int = 10) -> str:
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-count:])
