"""Calls that may never come back (a reader's driver, a card that thinks): made in a thread, waited for so long only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from tallystick.device.secure_element.port import CardLate

T = TypeVar("T")


class _Call(Generic[T]):
    """One call, its end, and what to do when it ends after nobody waits any more."""

    def __init__(self, work: Callable[[], T], if_late: Callable[[], object]) -> None:
        self._work = work
        self._if_late = if_late
        self._lock = threading.Lock()
        self._given_up = False
        self._ended = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """In the thread."""
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        with self._lock:
            late = self._given_up
            self._ended.set()
        if late:
            self._if_late()

    def wait(self, seconds: float) -> T:
        """In the caller's thread; raises what the call raised, or `CardLate`."""
        self._ended.wait(seconds)
        with self._lock:
            if not self._ended.is_set():
                self._given_up = True
                raise CardLate(f"no answer within {seconds:g} seconds")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set when it ended well


class BoundedThread:
    """One thread for such calls. After a late one it takes no more: its owner makes another."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[_Call[object] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, work: Callable[[], T], seconds: float, *, if_late: Callable[[], object] = lambda: None) -> T:
        """Make the call; when it is given up, `if_late` runs in the thread once it ends after all."""
        call = _Call(work, if_late)
        self._queue.put(call)  # type: ignore[arg-type]  # the thread never looks at results
        try:
            return call.wait(seconds)
        except CardLate:
            self.close()
            raise

    def close(self) -> None:
        """No more calls; the thread ends when its last one does."""
        self._queue.put(None)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            call.run()
            del call
