"""A WSGI application behind our own HTTP server: a thread sees a request only when all of it is here.

A thread that waits for a slow visitor is a thread lost, and a few of them are all there are; so heads and bodies are
awaited in the event loop, whose server bounds their time, and large bodies lie in files without a name meanwhile.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from tallystick.kit.asgi import ClientGone, Receive, Scope, Send, header, raw_path, respond

log = logging.getLogger(__name__)

Admission = Callable[[WSGIEnvironment], int]
_IN_MEMORY_BYTES = 1024 * 1024
_RETRY = ((b"retry-after", b"5"),)
_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class WsgiBridge:
    """The ASGI application around a WSGI one.

    ``admit`` says how many bytes of body a request may bring; it is asked in a thread, before the body is read, where
    more than ``small_body_bytes`` may come. What is larger reaches the application without its body, so that it
    refuses in its own words what ``CONTENT_LENGTH`` announces. At most ``large_bodies`` are read at once. ``scheme`` is
    that of the address which visitors use: a proxy may end TLS before us, and no header of a visitor decides that.
    """

    def __init__(
        self,
        application: WSGIApplication,
        admit: Admission,
        *,
        threads: int,
        small_body_bytes: int,
        large_bodies: int = 8,
        scheme: str = "http",
    ) -> None:
        self._application = application
        self._scheme = scheme
        self._admit = admit
        self._small = small_body_bytes
        self._large = asyncio.Semaphore(large_bodies)
        self._threads = ThreadPoolExecutor(threads, "wsgi")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        environ = environment(scope, self._scheme)
        announced = environ.get("CONTENT_LENGTH")
        size = int(announced) if announced else 0
        in_chunks = announced is None and header(scope, b"transfer-encoding") is not None
        most = self._small
        if size > most or in_chunks:
            try:
                most = max(most, await self._in_thread(lambda: self._admit(dict(environ))))
            except Exception:
                log.exception("how much %s may bring cannot be asked", environ["PATH_INFO"])
                await respond(send, 503, b"Come back in a moment.\n", "text/plain", _RETRY)
                return
        try:
            async with self._large if most > self._small else nullcontext():
                await self._serve(environ, most, receive, send)
        except ClientGone:
            return

    async def _serve(self, environ: WSGIEnvironment, most: int, receive: Receive, send: Send) -> None:
        with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as body:
            size = int(environ.get("CONTENT_LENGTH") or 0)
            if size <= most:
                size = await _read_into(body, receive, most)
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


async def _read_into(file: IO[bytes], receive: Receive, most: int) -> int:
    """Store the body; its size, which is above ``most`` when there is more than that. Its pace is the server's care."""
    size = 0
    while True:
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
