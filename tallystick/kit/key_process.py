"""A process that holds keys: nobody looks into its memory, and it serves one UNIX socket until it is told to stop."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import uvloop

from tallystick.kit.framed_socket import serve_framed

_PR_SET_DUMPABLE = 4


class Desk(Protocol):
    """What answers requests in turn."""

    def handle(self, request: bytes) -> asyncio.Future[bytes]:
        """Queue one request."""

    async def finished(self) -> None:
        """Return when all that is queued was carried out."""


def hide_memory() -> None:
    """No core dump, no tracing by other programs of the same account (Linux); elsewhere only no core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the process cannot be made undumpable")


async def serve_desk(socket_path: Path, desk: Desk, stopped: asyncio.Event) -> None:
    """Serve until `stopped` is set, and answer what is queued then."""
    server = await serve_framed(socket_path, desk.handle)
    try:
        await stopped.wait()
        await desk.finished()
    finally:
        server.close()
        socket_path.unlink(missing_ok=True)


def run_until_signalled(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT sets the event."""
    gc.freeze()

    async def main() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await serve(stopped)

    uvloop.run(main())
