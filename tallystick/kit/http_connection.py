"""One HTTP/1.1 connection: uvicorn's protocol, with a bound on everything that a stranger can stretch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

import attrs
import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tallystick.kit.address_budget import source_of
from tallystick.kit.asgi import Answer, patience_seconds
from tallystick.kit.http_exchange import Exchange, bell, target_of
from tallystick.kit.joined_writes import JoinedWrites
from tallystick.kit.tls_listener import HandshakeLimits


@attrs.frozen(slots=True, kw_only=True)
class HttpLimits:
    """What one listener bears. Times in seconds, sizes in bytes.

    ``connections_of_strangers`` bounds those of callers without a certificate, where others shall always get in.
    """

    header_section_bytes: int = 16 * 1024
    header_fields: int = 64
    url_bytes: int = 4 * 1024
    handshakes: HandshakeLimits = attrs.field(factory=HandshakeLimits)
    header_seconds: float = 10
    body_seconds: float = 30
    idle_seconds: int = 60
    unread_body_seconds: float = 30
    stalled_answer_seconds: float = 30
    linger_seconds: float = 10
    connections: int = 1000
    connections_per_certificate: int = 20
    connections_of_strangers: int | None = None
    connections_per_stranger: int = 20
    stop_seconds: float = 10


class Refusal(Enum):
    """Why the server answers without asking the application; the value is the HTTP status it suggests."""

    BAD_FRAMING = 400
    TOO_SLOW = 408
    HEADER_TOO_LARGE = 431


def plain_refusal(refusal: Refusal) -> Answer:
    """The answer of a server that nobody told how to speak."""
    return Answer(refusal.value, f"{refusal.name.lower().replace('_', ' ')}\n".encode(), "text/plain")


class Shared(ServerState):
    """What the connections of one listener have in common."""

    def __init__(self, limits: HttpLimits, refuse: Callable[[Refusal], Answer]) -> None:
        super().__init__()
        self.limits = limits
        self.refuse = refuse
        self.certificates: Counter[bytes] = Counter()
        self.strangers: Counter[str] = Counter()


_FRAMING = (b"content-length", b"transfer-encoding")
_SINGULAR = frozenset({b"host", b"transfer-encoding", b"expect"})


class _TooLarge(Exception):
    """The header section or the URL is too large."""


class _Contradiction(Exception):
    """A head that two readers may understand differently (RFC 9112 §3.2, §6.1)."""


class Connection(HttpToolsProtocol):
    """Counts header bytes and time, and shows the client's certificate (DER) to the application in the scope."""

    def __init__(self, config: Config, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, shared, {}, loop)
        self.access_log = False
        self._shared = shared
        self._certificate: bytes | None = None
        self._stranger: str | None = None
        self._head_open = True
        self._head_bytes = 0
        self._raw_head_bytes = 0
        self._waiting_since: float | None = loop.time()
        self._stalled_since: float | None = None
        self._unread_since: float | None = None
        self._body_since: float | None = None
        self._body_bytes = 0
        self._lingering_since: float | None = None
        self._idle_since: float | None = None
        self._offered = False
        self._resuming = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Count the newcomer, and send it away when there are too many."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", JoinedWrites(transport, self.loop, self._lingers))
        limits = self._shared.limits
        crowded = len(self.connections) > limits.connections
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._certificate = tls.getpeercert(binary_form=True)
        self._extensions = {"tls": {"client_cert_der": self._certificate}}
        if self._certificate is not None:
            self._shared.certificates[self._certificate] += 1
            crowded |= self._shared.certificates[self._certificate] > limits.connections_per_certificate
        elif limits.connections_of_strangers is not None:
            self._stranger = source_of(str((transport.get_extra_info("peername") or ("",))[0]))
            self._shared.strangers[self._stranger] += 1
            crowded |= self._shared.strangers[self._stranger] > limits.connections_per_stranger
            crowded |= self._shared.strangers.total() > limits.connections_of_strangers
        if crowded:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, its timer and its share of the certificate's count."""
        super().connection_lost(exc)
        certificate, self._certificate = self._certificate, None
        if certificate is not None:
            self._shared.certificates[certificate] -= 1
            if not self._shared.certificates[certificate]:
                del self._shared.certificates[certificate]
        stranger, self._stranger = self._stranger, None
        if stranger is not None:
            self._shared.strangers[stranger] -= 1
            if not self._shared.strangers[stranger]:
                del self._shared.strangers[stranger]

    def data_received(self, data: bytes) -> None:
        """Feed the parser; contradictory framing and oversized headers end the connection."""
        if self.transport.is_closing() and self._lingering_since is None:
            return
        if self._head_open:
            self._raw_head_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            large = isinstance(error.__context__, _TooLarge)
            self.refuse(Refusal.HEADER_TOO_LARGE if large else Refusal.BAD_FRAMING)
            return
        # A header that is not yet complete is buffered by the parser, out of sight of on_header.
        if self._head_open and self._raw_head_bytes > self._shared.limits.header_section_bytes:
            self.refuse(Refusal.HEADER_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        """Parse; after an offer to upgrade, which we never take, go on with HTTP/1.1 where the head ended.

        The parser believes that no body follows such a head, yet common clients offer h2c with every request.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
            framing = [(name, value) for name, value in self.headers if name in _FRAMING]
            if self._offered:
                self._offered = False
                self.parser = httptools.HttpRequestParser(self)
                self._resuming = True
                head = b"".join(name + b": " + value + b"\r\n" for name, value in framing)
                self.parser.feed_data(b"POST / HTTP/1.1\r\n" + head + b"\r\n")

    def _lingers(self) -> bool:
        """Whether a body is still on its way behind an answer: it is thrown away, for a while, before we close."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_complete or not cycle.more_body:
            return False
        self._lingering_since = self.loop.time()
        self.flow.resume_reading()
        return True

    def refuse(self, refusal: Refusal) -> None:
        """Answer without the application, where no answer has begun, and close: what follows cannot be trusted."""
        if self.transport.is_closing():
            self.transport.close()
            return
        cycle: RequestResponseCycle | None = self.cycle
        busy = cycle is not None and not cycle.response_complete
        if cycle is None or not busy or not (self._head_open or cycle.response_started or self.pipeline):
            answer = self._shared.refuse(refusal)
            lines = [STATUS_LINE[answer.status]]
            for name, value in (*self._shared.default_headers, *answer.headers):
                lines += [name, b": ", value, b"\r\n"]
            lines.append(b"content-type: %b\r\n" % answer.content_type.encode())
            lines.append(b"content-length: %d\r\nconnection: close\r\n\r\n" % len(answer.body))
            self.transport.write(b"".join([*lines, answer.body]))
        if busy:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def end_if_stuck(self, now: float) -> None:
        """Called once a second: end what waits too long: for headers, the rest of a body, its reader, a request."""
        limits = self._shared.limits
        if self._lingering_since is not None:
            if now - self._lingering_since > limits.linger_seconds:
                self.transport.close()
        elif self._waiting_since is not None and now - self._waiting_since > limits.header_seconds:
            self.refuse(Refusal.TOO_SLOW)
        elif self._unread_since is not None and now - self._unread_since > limits.unread_body_seconds:
            self.transport.close()
        elif self._body_since is not None and now - self._body_since > self._body_patience():
            self.refuse(Refusal.TOO_SLOW)
        elif self._stalled_since is not None and now - self._stalled_since > limits.stalled_answer_seconds:
            self.transport.abort()
        elif self._idle_since is not None and now - self._idle_since > limits.idle_seconds:
            self.transport.close()

    def _body_patience(self) -> float:
        return min(self._shared.limits.body_seconds, patience_seconds(self._body_bytes))

    def on_message_begin(self) -> None:
        """A new request: counters start again."""
        if self._resuming:
            return
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = self._extensions
        self._head_open = True
        self._head_bytes = 0
        self._raw_head_bytes = 0
        self._idle_since = None
        self._waiting_since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Bound the URL."""
        if self._resuming:
            return
        super().on_url(url)
        if len(self.url) > self._shared.limits.url_bytes:
            raise _TooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the header section; trailers are dropped, nobody adds headers after the fact."""
        if not self._head_open or self._resuming:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._shared.limits.header_section_bytes:
            raise _TooLarge
        name = name.lower()
        if name in _SINGULAR:
            self._read_singular(name, value)
        self.headers.append((name, value))
        if len(self.headers) > self._shared.limits.header_fields:
            raise _TooLarge

    def _read_singular(self, name: bytes, value: bytes) -> None:
        """Refuse two hosts, and a transfer coding beside ``chunked``, which we would pass over in silence."""
        if name == b"host" and any(known == b"host" for known, _ in self.headers):
            raise _Contradiction
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise _Contradiction
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """The head is whole; the application starts."""
        if self._resuming:
            self._resuming = False
            return
        self._begin_exchange()
        self._head_open = False
        self._body_since, self._body_bytes = self._waiting_since, 0
        self._waiting_since = None
        self._offered = self.parser.should_upgrade() and any(name in _FRAMING for name, _ in self.headers)

    def _begin_exchange(self) -> None:
        """As uvicorn's: start the application, or let the request wait for the ones before it."""
        version, scope = self.parser.get_http_version(), cast("dict[str, Any]", self.scope)
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"], scope["query_string"] = target_of(self.url)
        if version != "1.1":
            scope["http_version"] = version
        before: RequestResponseCycle | None = self.cycle
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=bell(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._idle_since = None
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        if self._offered:
            return
        self._body_since = None
        super().on_message_complete()
        self.cycle.more_body = False
        self._unread_since = None
        if self._lingering_since is not None:
            self.transport.close()

    def on_response_complete(self) -> None:
        """The answer is out: on to the next request; a body that nobody read must still end some time."""
        self._shared.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self._idle_since = self.loop.time()
        if self.cycle.response_complete and self.cycle.more_body:
            self._body_since = None
            self._unread_since = self.loop.time()

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._stalled_since = None
