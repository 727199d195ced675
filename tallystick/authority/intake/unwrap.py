"""The process that holds the authority's decryption key and does nothing else (K-11).

It listens on a UNIX socket only, cannot be dumped or traced by another program of the same account, and answers with
the plain text or with one refusal. RSA runs in threads, because the library gives the interpreter's lock back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ctypes
import gc
import logging
import re
import resource
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import uvloop

from tallystick.authority.intake import metrics
from tallystick.authority.intake.unwrap_messages import (
    OpenedPackage,
    Operation,
    Result,
    read_package_request,
    write_opened,
)
from tallystick.crypto.envelope import PackageOpener, open_arp, open_internal_data
from tallystick.crypto.keys import PrivateKey, load_private_key
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import serve_framed

log = logging.getLogger(__name__)

THREADS = 2
QUEUE_REQUESTS = 256
_PR_SET_DUMPABLE = 4
_REFUSED = bytes([Result.REFUSED])
_BUSY = bytes([Result.BUSY])
_FAILED = bytes([Result.FAILED])
_OPENED = bytes([Result.OPENED])
_INTERNAL = re.compile(rb'"encryptedInternalData"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{340,684}={0,2})"')


class Opener:
    """Opens what is sealed for the authority; one request in, one answer out, never an exception. Any thread."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._packages = PackageOpener(key)

    def answer(self, request: bytes) -> bytes:
        """Carry one request out, and count its processor time: nearly all of it is RSA."""
        started = time.thread_time()
        try:
            return self._open(request)
        finally:
            metrics.OPENING.inc(time.thread_time() - started)

    def _open(self, request: bytes) -> bytes:
        try:
            if request[0] == Operation.PACKAGE:
                return self._open_package(request)
            opened = open_arp if request[0] == Operation.AUDIT_REQUEST else open_internal_data
            return _OPENED + opened(request[1:], self._key)
        except Fault:
            return _REFUSED
        except Exception:
            # What failed here is ours, not the package's: the caller must not be told that the package is bad.
            log.exception("a request to open could not be carried out")
            return _FAILED

    def _open_package(self, request: bytes) -> bytes:
        sealed = read_package_request(request)
        plain = self._packages.open(sealed.key, sealed.iv, sealed.payload)
        return write_opened(self._with_internal_data(plain))

    def _with_internal_data(self, plain: bytes) -> OpenedPackage:
        """Open the invoice's internal data in the same go, which saves the caller a second call.

        It is found by its usual spelling, without reading the JSON. The caller compares what was opened with what it
        reads at that place, and asks again if they differ.
        """
        found = _INTERNAL.search(plain)
        if found is None:
            return OpenedPackage(plain)
        try:
            internal = open_internal_data(base64.b64decode(found[1], validate=True), self._key)
        except (Fault, binascii.Error):
            internal = b""
        return OpenedPackage(plain, found.start(1), internal)


class WorkerThreads:
    """A few threads that carry requests out; answers come back to the loop in batches, one wake-up for many."""

    def __init__(self, work: Callable[[bytes], bytes], *, threads: int = THREADS, limit: int = QUEUE_REQUESTS) -> None:
        self._work = work
        self._limit = limit
        self._waiting = 0
        self._jobs: SimpleQueue[tuple[asyncio.Future[bytes], bytes] | None] = SimpleQueue()
        self._done: deque[tuple[asyncio.Future[bytes], bytes]] = deque()
        self._wake_up_sent = False
        self._loop = asyncio.get_running_loop()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def handle(self, request: bytes) -> asyncio.Future[bytes]:
        """Queue one request; the future has its answer. A full queue answers at once."""
        future: asyncio.Future[bytes] = self._loop.create_future()
        if self._waiting >= self._limit:
            future.set_result(_BUSY)
            return future
        self._waiting += 1
        self._jobs.put((future, request))
        return future

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, request = job
            self._done.append((future, self._work(request)))
            if not self._wake_up_sent:
                self._wake_up_sent = True
                self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        # The flag falls before the queue is emptied, so an answer that comes meanwhile sends its own wake-up.
        self._wake_up_sent = False
        while self._done:
            future, answer = self._done.popleft()
            self._waiting -= 1
            if not future.done():
                future.set_result(answer)

    def stop(self) -> None:
        """End the threads when they have done what is queued."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()


def hide_memory() -> None:
    """No core dump, no tracing by other programs of the same account (Linux); elsewhere only no core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        library = ctypes.CDLL(None, use_errno=True)
        if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the process cannot be made undumpable")


async def serve_unwrap(socket_path: Path, key: PrivateKey, stopped: asyncio.Event, *, threads: int = THREADS) -> None:
    """Serve until `stopped` is set."""
    workers = WorkerThreads(Opener(key).answer, threads=threads)
    server = await serve_framed(socket_path, workers.handle)
    try:
        await stopped.wait()
    finally:
        server.close()
        workers.stop()
        socket_path.unlink(missing_ok=True)


def run_unwrap(socket_path: Path, key_path: Path, *, threads: int = THREADS) -> None:
    """The process: hide the memory, read the key, serve on the socket until SIGTERM or SIGINT."""
    hide_memory()
    key = load_private_key(key_path)
    gc.freeze()

    async def main() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await serve_unwrap(socket_path, key, stopped, threads=threads)

    uvloop.run(main())
