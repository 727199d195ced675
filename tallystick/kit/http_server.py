"""HTTP/1.1 servers inside one event loop: a listener, bounds on its connections, the next free port, a graceful stop.

uvicorn's own `Server` is not used: it takes over signals and polls. Here a listener, a protocol class and one timer a
second are enough, and several of them live in one loop.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate

from uvicorn.config import Config

from tallystick.kit.asgi import Answer, App
from tallystick.kit.http_connection import Connection, HttpLimits, Refusal, Shared, plain_refusal
from tallystick.kit.tls_listener import TlsListener

__all__ = ["HttpLimits", "Refusal", "Server", "plain_refusal"]

_BACKLOG = 1024


def bind_next_free(host: str, first: int, tries: int = 20) -> socket.socket:
    """A listening socket at the first free port of so many; 0 is any. Raises `OSError` when all are taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, first + tries):
        try:
            return socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or first == 0:
                raise
    last = first + tries - 1
    raise OSError(errno.EADDRINUSE, f"port {last} is taken" if tries == 1 else f"ports {first} to {last} are taken")


class Server:
    """One listener for one application; `start` gives the port, which is the next free one when `port` is taken.

    `refuse` says in the application's own words what the server answers without asking it (bad framing, headers too
    large or too slow). `headers` go into every answer. The loop may be asyncio's own or uvloop. `listener` is a bound
    socket to use instead of one of our own; it is closed with the server.
    """

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        *,
        ssl_context: ssl.SSLContext | None = None,
        tries: int = 20,
        limits: HttpLimits | None = None,
        refuse: Callable[[Refusal], Answer] = plain_refusal,
        headers: Iterable[tuple[bytes, bytes]] = (),
        listener: socket.socket | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = ssl_context
        self._tries = tries
        self._given = listener
        self._limits = limits or HttpLimits()
        self._headers = list(headers)
        self._shared = Shared(self._limits, refuse)
        self._config = Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            workers=1,
            timeout_keep_alive=self._limits.idle_seconds,
        )
        self._listener: asyncio.Server | TlsListener | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._shared.connections)

    async def start(self) -> int:
        """Listen; returns the port. Raises `OSError` when none of `tries` ports is free."""
        loop = asyncio.get_running_loop()
        self._config.load()
        bound = self._given or bind_next_free(self._host, self._port, self._tries)
        port = int(bound.getsockname()[1])

        def connection() -> Connection:
            return Connection(self._config, self._shared, loop)

        if self._tls is None:
            self._listener = await loop.create_server(connection, sock=bound, backlog=_BACKLOG)
        else:
            self._listener = TlsListener(bound, self._tls, connection, self._limits.handshakes, _BACKLOG)
            self._listener.start()
        self._tick()
        return port

    def _tick(self) -> None:
        """Once a second: the date of the answers, and an end for connections that keep us waiting."""
        loop = asyncio.get_running_loop()
        date = formatdate(time.time(), usegmt=True).encode()
        self._shared.default_headers = [(b"date", date), *self._headers]
        now = loop.time()
        for connection in list(self._shared.connections):
            if isinstance(connection, Connection):
                connection.end_if_stuck(now)
        self._timer = loop.call_later(1, self._tick)

    async def stop(self) -> None:
        """Take no new connections, let requests in work finish within the limit, then cut what is left."""
        if self._listener is None or self._timer is None:
            return
        self._timer.cancel()
        self._listener.close()
        for connection in list(self._shared.connections):
            connection.shutdown()
        tasks = list(self._shared.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._limits.stop_seconds)
            for task in late:
                task.cancel()
        await self._connections_gone()
        if not isinstance(self._listener, TlsListener):
            await self._listener.wait_closed()
        self._listener = None

    async def _connections_gone(self) -> None:
        for patience in range(100):
            if not self._shared.connections:
                return
            if patience == 50:
                for connection in list(self._shared.connections):
                    connection.transport.abort()
            await asyncio.sleep(0.02)
