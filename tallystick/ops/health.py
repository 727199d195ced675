"""The private listener of each process, on loopback: /health (it lives), /ready (it may be used), /metrics.

It runs in a thread of its own, so it answers while the event loop is busy; a check that hangs counts as failed.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.metrics import READY, describe_process

Check = Callable[[], object]
"""Returns when all is well and raises when not; what it raises is shown to whoever asks on loopback."""

_LOOPBACK = "127.0.0.1"
_PORTS_TRIED = 100
_LOOP_SECONDS = 2.0


class HealthListener:
    """Serves the three paths from the first free port at or above `port` (0: any free one).

    `announce` names a file that receives the port once it is bound; that is how a supervisor finds it.
    """

    def __init__(
        self,
        process: str,
        checks: Mapping[str, Check],
        *,
        port: int = 9440,
        announce: Path | None = None,
        check_timeout_seconds: float = 3.0,
    ) -> None:
        describe_process(process)
        self._checks = dict(checks)
        self._wanted_port = port
        self._announce = announce
        self._check_timeout_seconds = check_timeout_seconds
        self._server: ThreadingHTTPServer | None = None
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="check")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> int:
        """Bind and serve; returns the port. Raises `OSError` when a hundred ports in a row are taken."""
        self._server = self._bind()
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True).start()
        bound = int(self._server.server_address[1])
        if self._announce:
            write_atomically(self._announce, str(bound).encode(), durable=False)
        return bound

    def stop(self) -> None:
        """Close the listener and withdraw its announcement."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._announce:
            self._announce.unlink(missing_ok=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def failures(self) -> dict[str, str]:
        """Run every check; name and reason of those that fail."""
        running = {name: self._pool.submit(check) for name, check in self._checks.items()}
        found: dict[str, str] = {}
        for name, future in running.items():
            try:
                future.result(self._check_timeout_seconds)
            except FutureTimeoutError:
                found[name] = f"no answer within {self._check_timeout_seconds:g} s"
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
            READY.labels(name).set(name not in found)
        return found

    def _bind(self) -> ThreadingHTTPServer:
        handler = _handler_for(self)
        last = self._wanted_port + (_PORTS_TRIED if self._wanted_port else 0)
        for port in range(self._wanted_port, last):
            try:
                return _QuietServer((_LOOPBACK, port), handler)
            except OSError:
                continue
        return _QuietServer((_LOOPBACK, last), handler)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False


def _handler_for(listener: HealthListener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Three paths, GET only."""

        timeout = 10

        def do_GET(self) -> None:
            match self.path:
                case "/health":
                    self._answer(HTTPStatus.OK, b'{"alive":true}')
                case "/ready":
                    failed = listener.failures()
                    status = HTTPStatus.SERVICE_UNAVAILABLE if failed else HTTPStatus.OK
                    self._answer(status, json.dumps({"ready": not failed, "failed": failed}).encode())
                case "/metrics":
                    self._answer(HTTPStatus.OK, generate_latest(), CONTENT_TYPE_LATEST)
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, b"{}")

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds and are no news."""

    return Handler


def event_loop_check(loop: asyncio.AbstractEventLoop) -> Check:
    """A check that the event loop still turns: it must answer a call from another thread in time."""

    def ask() -> None:
        answered = threading.Event()
        loop.call_soon_threadsafe(answered.set)
        if not answered.wait(_LOOP_SECONDS):
            raise TimeoutError("the event loop stands still")

    return ask
