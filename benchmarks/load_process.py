"""A load in a process of its own, so that who measures does not share an interpreter with who submits."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from benchmarks.authority_processes import RunningAuthority
from benchmarks.package_load import LoadResult, submit

_FORK = multiprocessing.get_context("fork")  # what is to be submitted goes along without being copied
_END_SECONDS = 10


class LoadProcess:
    """Submits what ``bodies`` gives; a context manager that ends the process in any case.

    Start it before this process has threads. ``rate`` is packages a second, none is as fast as answers come.
    """

    def __init__(
        self,
        authority: RunningAuthority,
        bodies: Callable[[], Iterable[bytes]],
        connections: int,
        *,
        rate: float | None = None,
    ) -> None:
        self._authority = authority
        self._bodies = bodies
        self._connections = connections
        self._rate = rate
        self._receiving, self._sending = _FORK.Pipe(duplex=False)
        self._process = _FORK.Process(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._sending.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join(_END_SECONDS)

    def _work(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the benchmark's own way to end is not this process's
        here = self._authority
        bodies = self._bodies()
        result = submit(here.port, here.client_tls, here.token, bodies, self._connections, rate=self._rate)
        self._sending.send(result)

    @property
    def running(self) -> bool:
        """Whether it still submits."""
        return not self._receiving.poll() and self._process.is_alive()

    def result(self) -> LoadResult:
        """What came of it; waits for the end. Raises ``EOFError`` when the process broke."""
        found = self._receiving.recv()
        assert isinstance(found, LoadResult)
        return found
