"""What a story is played with: waiting for conditions, the supervisor's thread, and the outage that stories share."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 180.0
"""How long a story waits for one thing; generous, since a busy machine may be ten times slower than a quiet one."""
OUTAGE_PATIENCE_SECONDS = 4 * PATIENCE_SECONDS
"""The same for the shared outage, before which every other story has its morning."""
_LOOK_SECONDS = 0.1


class StoryStopped(Exception):
    """The person wants to end; the next run goes on."""


class StoryFailed(Exception):
    """Something that the story tells did not come about; the message says what."""


class Stage:
    """Shared by the threads of all stories. The supervisor's thread calls `tick`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.stopped = threading.Event()
        self._wanted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def tick(self) -> None:
        """Do what stories want of the supervisor's thread."""
        while True:
            try:
                wanted = self._wanted.get_nowait()
            except queue.Empty:
                return
            wanted()

    def in_supervisors_thread(self, action: Callable[[], T]) -> T:
        """Have something done where children are started and stopped, and wait for it."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(action())
            except BaseException as error:
                future.set_exception(error)

        self._wanted.put(run)
        self.until("the supervisor's answer", future.done)
        return future.result()

    def until(self, what: str, holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until a condition holds; raises `StoryFailed` when it does not in time, `StoryStopped` at the end."""
        end = time.monotonic() + seconds
        while not holds():
            if self.stopped.wait(_LOOK_SECONDS):
                raise StoryStopped
            if time.monotonic() > end:
                raise StoryFailed(f"waited {seconds:.0f} s for {what}")


class Outage:
    """The time without the device API: it begins when all who want it are ready, and ends when all have had it.

    `tick` is called in the supervisor's thread; `enough` says whether the tills have sold for long enough meanwhile.
    """

    def __init__(self, stop_api: Callable[[], None], start_api: Callable[[], None], enough: Callable[[], bool]) -> None:
        self._stop_api = stop_api
        self._start_api = start_api
        self._enough = enough
        self._lock = threading.Lock()
        self._awaited: set[str] = set()
        self._ready: set[str] = set()
        self._had: set[str] = set()
        self.began = threading.Event()
        self.ended = threading.Event()

    @property
    def is_on(self) -> bool:
        """Whether the device API is away."""
        return self.began.is_set() and not self.ended.is_set()

    def expect(self, who: str) -> None:
        """Somebody will want it."""
        self._awaited.add(who)

    def begin(self, who: str, stage: Stage) -> None:
        """Be ready, and wait until it has begun."""
        with self._lock:
            self._ready.add(who)
        stage.until("the beginning of the outage", self.began.is_set, OUTAGE_PATIENCE_SECONDS)

    def end(self, who: str, stage: Stage) -> None:
        """Have had it, and wait until the API is back."""
        with self._lock:
            self._had.add(who)
        stage.until("the end of the outage", self.ended.is_set, OUTAGE_PATIENCE_SECONDS)

    def leave(self, who: str) -> None:
        """Somebody wants it no more, whatever became of him."""
        with self._lock:
            self._awaited.discard(who)

    def tick(self) -> None:
        """Begin or end it when it is time."""
        with self._lock:
            ready = bool(self._awaited) and self._awaited <= self._ready
            had = self._awaited <= self._had
        if not self.began.is_set():
            if ready:
                self._stop_api()
                self.began.set()
        elif not self.ended.is_set() and had and self._enough():
            self._start_api()
            self.ended.set()
