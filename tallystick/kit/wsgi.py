"""A WSGI application behind our own HTTP server: a thread sees a request only when all of it is here.

A thread that waits for a slow visitor is a thread lost, and a few of them are all there are; so heads and bodies are
awaited in the event loop, whose server bounds their time, and large bodies lie in files without a name meanwhile.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

import attrs

from tallystick.kit.asgi import ClientGone, Receive, Scope, Send, header, raw_path, respond

log = logging.getLogger(__name__)

REFUSAL = "kit.wsgi.refusal"
"""Key of the environ under which an application finds why it gets a request without its body (`Refusal`)."""
_IN_MEMORY_BYTES = 1024 * 1024
_RETRY = ((b"retry-after", b"5"),)
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Refusal(StrEnum):
    """Why a body was not read; the application says so in its own words."""

    CROWDED = "crowded"
    SLOW = "slow"


@attrs.frozen(slots=True)
class Admitted:
    """How many bytes of body a request may bring, and who brings it."""

    bytes_most: int
    who: str = ""


Admission = Callable[[WSGIEnvironment], Admitted]


@attrs.frozen(slots=True, kw_only=True)
class LargeBodies:
    """Bounds on bodies that are more than small: how many at once, of one person, and how quickly they must come.

    In every ``progress_seconds`` there come ``progress_bytes`` at least, or the end.
    """

    at_once: int = 24
    of_one: int = 2
    progress_seconds: float = 30
    progress_bytes: int = 256 * 1024


class _Slots:
    """Who has a large body on its way. Nobody waits for a place: whoever waits holds a connection, too."""

    def __init__(self, bounds: LargeBodies) -> None:
        self._bounds = bounds
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, who: str) -> Iterator[bool]:
        """Whether there is one, as long as the context lives."""
        there_is = self._taken.total() < self._bounds.at_once and self._taken[who] < self._bounds.of_one
        self._taken[who] += there_is
        try:
            yield there_is
        finally:
            self._taken[who] -= there_is
            if not self._taken[who]:
                del self._taken[who]


class WsgiBridge:
    """The ASGI application around a WSGI one.

    ``admit`` says how many bytes of body a request may bring; it is asked in a thread, before the body is read, where
    more than ``small_body_bytes`` may come. What is larger reaches the application without its body, so that it
    refuses in its own words what ``CONTENT_LENGTH`` announces; so does what comes too slowly, or beside too many
    others (`REFUSAL`). ``scheme`` is that of the address which visitors use: a proxy may end TLS before us, and no
    header of a visitor decides that.
    """

    def __init__(
        self,
        application: WSGIApplication,
        admit: Admission,
        *,
        threads: int,
        small_body_bytes: int,
        large: LargeBodies | None = None,
        scheme: str = "http",
    ) -> None:
        self._application = application
        self._scheme = scheme
        self._admit = admit
        self._small = small_body_bytes
        self._large = large or LargeBodies()
        self._slots = _Slots(self._large)
        self._threads = ThreadPoolExecutor(threads, "wsgi")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        environ = environment(scope, self._scheme)
        announced = environ.get("CONTENT_LENGTH")
        size = int(announced) if announced else 0
        in_chunks = announced is None and header(scope, b"transfer-encoding") is not None
        admitted = Admitted(self._small)
        if size > self._small or in_chunks:
            try:
                admitted = await self._in_thread(lambda: self._admit(dict(environ)))
            except Exception:
                log.exception("how much %s may bring cannot be asked", environ["PATH_INFO"])
                await respond(send, 503, b"Come back in a moment.\n", "text/plain", _RETRY)
                return
        try:
            most = max(admitted.bytes_most, self._small)
            if most <= self._small or size > most:
                await self._serve(environ, most, receive, send)
                return
            with self._slots.place(admitted.who) as there_is:
                if not there_is:
                    environ[REFUSAL] = Refusal.CROWDED
                await self._serve(environ, most, receive, send, self._large)
        except ClientGone:
            return

    async def _serve(
        self, environ: WSGIEnvironment, most: int, receive: Receive, send: Send, pace: LargeBodies | None = None
    ) -> None:
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as body:
            size = int(environ.get("CONTENT_LENGTH") or 0)
            if size <= most and REFUSAL not in environ:
                try:
                    size = await _read_into(body, receive, most, pace)
                except TimeoutError:
                    environ[REFUSAL] = Refusal.SLOW
            if REFUSAL in environ:
                size = 0
                body.truncate(0)
            environ["CONTENT_LENGTH"] = str(size)
            body.seek(0, 0 if size <= most else 2)
            environ["wsgi.input"] = body
            status, headers, content = await self._in_thread(lambda: self._answer(environ))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, environ: WSGIEnvironment) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Any:
            started.append((status, headers))
            return written.append

        result: Iterable[bytes] = self._application(environ, start_response)
        try:
            written.extend(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        status, headers = started[-1]
        content = b"".join(written)
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if not any(name == b"content-length" for name, _ in fields):
            fields.append((b"content-length", str(len(content)).encode()))
        return int(status[:3]), fields, content

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        """Wait for the threads; call it when the server has stopped."""
        self._threads.shutdown()


async def _read_into(file: IO[bytes], receive: Receive, most: int, pace: LargeBodies | None) -> int:
    """Store the body; its size, which is above ``most`` when there is more than that.

    Raises `TimeoutError` when it falls behind ``pace``; without one its pace is the server's care.
    """
    size, moment, due = 0, None, 0
    while True:
        if pace is not None and (moment is None or size >= due):
            moment = asyncio.get_running_loop().time() + pace.progress_seconds
            due = size + pace.progress_bytes
        async with asyncio.timeout_at(moment):
            message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            return size
        file.write(chunk)
        if not message.get("more_body", False):
            return size


def environment(scope: Scope, scheme: str) -> WSGIEnvironment:
    """The environ of PEP 3333, with nothing to read. No name with an underscore is taken: it could pass for ours."""
    client, server = scope.get("client") or ("", 0), scope.get("server") or ("localhost", 80)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path(scope)).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if "_" in name:
            continue
        key = _WITHOUT_PREFIX.get(name) or "HTTP_" + name.upper().replace("-", "_")
        between = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
    return environ
