"""Requests that keep a core busy, one in each turn of the event loop: what a process with a key in it serves."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Carries out one request in each turn of the loop, in the order of arrival; answers leave in between.

    There are no threads: RSA keeps a core busy all the same, and handing the interpreter's lock to and fro costs a
    tenth of an operation. More cores take more processes. ``busy`` is the answer while ``limit`` requests wait.
    """

    def __init__(self, work: Callable[[bytes], bytes], *, busy: bytes, limit: int) -> None:
        self._work = work
        self._busy = busy
        self._limit = limit
        self._jobs: deque[tuple[asyncio.Future[bytes], bytes]] = deque()
        self._loop = asyncio.get_running_loop()

    def handle(self, request: bytes) -> asyncio.Future[bytes]:
        """Queue one request; the future has its answer. A full queue answers at once."""
        future: asyncio.Future[bytes] = self._loop.create_future()
        if len(self._jobs) >= self._limit:
            future.set_result(self._busy)
            return future
        if not self._jobs:
            self._loop.call_soon(self._next)
        self._jobs.append((future, request))
        return future

    def _next(self) -> None:
        future, request = self._jobs.popleft()
        if not future.done():
            future.set_result(self._work(request))
        if self._jobs:
            self._loop.call_soon(self._next)

    async def finished(self) -> None:
        """Return when all that is queued was carried out."""
        while self._jobs:
            await asyncio.sleep(0)
