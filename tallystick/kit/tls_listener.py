"""A listener that accepts and shakes hands within bounds: a client that says nothing costs a hundred kilobytes while it
is awaited, and nobody has to show a certificate for that.

asyncio's own listener awaits any number of handshakes. Here each has its time while there is room; where too many wait,
of one source or in all, the one that has waited longest ends for a newcomer, unless that one has only just come itself.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable

import attrs

from tallystick.kit.address_budget import source_of

log = logging.getLogger(__name__)

HASTE_SECONDS = 1.0
"""Within this a handshake ends by itself, unless its client waits or this process has too much to do."""
_AT_ONCE = 64
_PAUSE_SECONDS = 1.0
_NOTHING_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@attrs.frozen(slots=True, kw_only=True)
class HandshakeLimits:
    """``seconds`` for one; how many at once, in all and of one source (an IPv4 address, or a subscriber of IPv6)."""

    seconds: float = 5
    most: int = 1_024
    most_of_a_source: int = 512


@attrs.define(slots=True, eq=False)
class _Handshake:
    """``accepted`` until it has begun; then the transport owns the socket."""

    source: str
    since: float
    accepted: socket.socket | None
    task: asyncio.Task[None] | None = None


class TlsListener:
    """Over a bound socket, which it owns from then on. Belongs to one event loop."""

    def __init__(
        self,
        bound: socket.socket,
        context: ssl.SSLContext,
        protocol: Callable[[], asyncio.Protocol],
        limits: HandshakeLimits,
        backlog: int,
    ) -> None:
        self._socket = bound
        self._context = context
        self._protocol = protocol
        self._limits = limits
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._all: dict[_Handshake, None] = {}
        self._by_source: defaultdict[str, dict[_Handshake, None]] = defaultdict(dict)
        self._again: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many handshakes are under way."""
        return len(self._all)

    def start(self) -> None:
        """Listen."""
        self._socket.setblocking(False)
        self._socket.listen(self._backlog)
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Accept nobody any more, and end what is under way."""
        self._loop.remove_reader(self._socket.fileno())
        if self._again is not None:
            self._again.cancel()
        self._socket.close()
        for one in list(self._all):
            self._end(one)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NOTHING_LEFT:
                    raise
                log.warning("nobody is accepted for a moment: %s", error)
                self._loop.remove_reader(self._socket.fileno())
                self._again = self._loop.call_later(_PAUSE_SECONDS, self._go_on)
                return
            self._begin(accepted, source_of(str(address[0])))

    def _go_on(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _begin(self, accepted: socket.socket, source: str) -> None:
        longest = self._in_the_way(source)
        if longest is not None:
            if self._loop.time() - longest.since < HASTE_SECONDS:
                accepted.close()
                return
            self._end(longest)
        one = _Handshake(source, self._loop.time(), accepted)
        self._all[one] = self._by_source[source][one] = None
        one.task = self._loop.create_task(self._shake(one))

    def _in_the_way(self, source: str) -> _Handshake | None:
        """The one that has waited longest where no room is left for a newcomer."""
        own = self._by_source.get(source, {})
        if len(own) >= self._limits.most_of_a_source:
            return next(iter(own))
        return next(iter(self._all)) if len(self._all) >= self._limits.most else None

    def _end(self, one: _Handshake) -> None:
        self._forget(one)
        if one.task is not None:
            one.task.cancel()
        if one.accepted is not None:
            one.accepted.close()

    def _forget(self, one: _Handshake) -> None:
        self._all.pop(one, None)
        own = self._by_source.get(one.source)
        if own is not None:
            own.pop(one, None)
            if not own:
                del self._by_source[one.source]

    async def _shake(self, one: _Handshake) -> None:
        """The protocol has the connection once hands are shaken; what the client did wrong concerns nobody."""
        accepted, one.accepted = one.accepted, None
        assert accepted is not None, "begun once"
        seconds = self._limits.seconds
        try:
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                self._protocol,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
        except OSError as error:  # `ssl.SSLError` is one of these
            log.debug("a handshake failed: %s", error)
        finally:
            self._forget(one)
