"""One HTTP call to a server that is not trusted: bounded in bytes and in time, no redirects, no proxies, no cookies."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK_BYTES = 16 * 1024
MayReach = Callable[[str], bool]
"""Whether an address of the network may be connected to."""


class Away(Exception):
    """The server cannot be reached, is too slow, or says too much; the message says which."""


class Reply(NamedTuple):
    """What came back; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
    timeout_seconds: float = 5.0,
    most_bytes: int = 64 * 1024,
    may_reach: MayReach = lambda _: True,
) -> Reply:
    """Call and wait; raises ``Away``. HTTPS checks the certificate as the system does.

    ``timeout_seconds`` is for everything together, from the name to the last byte of the body, however it trickles in.
    ``may_reach`` is asked about each address of the name, and it is that very address to which the connection is made:
    no name can change in between.
    """
    deadline = _Deadline(timeout_seconds)
    try:
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, deadline, may_reach=may_reach)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, path, body, dict(headers))
            return _reply(connection.getresponse(), most_bytes)
        finally:
            connection.end()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Away(f"{type(error).__name__}: {error}") from error


class KeptConnection:
    """Calls to one server over a connection that is kept, as ``call`` makes them; for one thread at a time.

    A kept connection may have been closed by the server meanwhile: then the call is made once more on a new one. So a
    request may come twice, and must mean the same then. ``tls`` is for HTTPS, the system's own trust when it is none.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._parts = urlsplit(url)
        self._tls = tls
        self._open: _Connection | None = None

    def call(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] = {},
        timeout_seconds: float = 5.0,
        most_bytes: int = 64 * 1024,
    ) -> Reply:
        """Call and wait; raises ``Away``. ``timeout_seconds`` is for all of it, the second try included."""
        deadline = _Deadline(timeout_seconds)
        try:
            if self._open is not None:
                self._open.renew(deadline)
                try:
                    return self._exchange(self._open, path, method, body, headers, most_bytes)
                except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                    self.close()
            parts = self._parts
            self._open = _connection(parts.scheme, parts.hostname or "", parts.port, deadline, self._tls)
            return self._exchange(self._open, path, method, body, headers, most_bytes)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error

    def _exchange(
        self,
        connection: _Connection,
        path: str,
        method: str,
        body: bytes | None,
        headers: Mapping[str, str],
        most_bytes: int,
    ) -> Reply:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        reply = _reply(answer, most_bytes)
        answer.close()  # read to its end, which it does not notice by itself
        if answer.will_close:
            self.close()
        return reply

    def close(self) -> None:
        """Close what is open; the next call opens anew."""
        if self._open is not None:
            self._open.end()
            self._open = None


class _Deadline:
    """The moment at which the call ends, whatever it is doing."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def take_over(self, other: _Deadline) -> None:
        """From now on the moment is that one."""
        self._at = other._at

    def left(self) -> float:
        """Seconds until then, never none; raises ``TimeoutError`` after it."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("too slow")
        return left


class _Incoming(io.RawIOBase):
    """What arrives on a socket; no wait is longer than what is left of the call."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._deadline.left())
        return self._sock.recv_into(buffer)


class _Line:
    """The part of a socket that ``http.client`` uses. ``close`` leaves it open: the body may still be on its way."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        self._sock, self._deadline = sock, deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self._sock, self._deadline))

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(self._deadline.left())
            rest = rest[self._sock.send(rest) :]

    def close(self) -> None:
        pass


class _Connection(http.client.HTTPConnection):
    """A connection that ends at the deadline."""

    def __init__(self, host: str, port: int | None, deadline: _Deadline, may_reach: MayReach) -> None:
        super().__init__(host, port)
        self._deadline = deadline
        self._may_reach = may_reach
        self._opened: socket.socket | None = None

    def connect(self) -> None:
        self._opened = self._secured(_connected(self.host, self.port, self._deadline, self._may_reach))
        self.sock = _Line(self._opened, self._deadline)

    def renew(self, deadline: _Deadline) -> None:
        """For the next call on the same connection."""
        self._deadline.take_over(deadline)

    def end(self) -> None:
        """Close it, with whatever was still to come."""
        self.close()
        if self._opened is not None:
            self._opened.close()

    def _secured(self, sock: socket.socket) -> socket.socket:
        return sock


class _TlsConnection(_Connection):
    default_port = http.client.HTTPS_PORT

    def __init__(
        self, host: str, port: int | None, deadline: _Deadline, may_reach: MayReach, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port, deadline, may_reach)
        self._tls = tls

    def _secured(self, sock: socket.socket) -> socket.socket:
        try:
            sock.settimeout(self._deadline.left())  # the handshake counts this for all its messages together
            return (self._tls or ssl.create_default_context()).wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise


def _connection(
    scheme: str,
    host: str,
    port: int | None,
    deadline: _Deadline,
    tls: ssl.SSLContext | None = None,
    may_reach: MayReach = lambda _: True,
) -> _Connection:
    if not host or scheme not in ("http", "https"):
        raise ValueError("not an address of HTTP or HTTPS")
    if scheme == "https":
        return _TlsConnection(host, port, deadline, may_reach, tls)
    return _Connection(host, port, deadline, may_reach)


def _connected(host: str, port: int, deadline: _Deadline, may_reach: MayReach) -> socket.socket:
    trouble: OSError = OSError("the name has no address")
    for family, address in _addresses(host, port, deadline):
        if not may_reach(address[0]):
            trouble = OSError("the name leads to an address that may not be reached")
            continue
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.left())
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble


def _addresses(host: str, port: int, deadline: _Deadline) -> list[tuple[int, Any]]:
    """The addresses of a name; asking for them cannot be timed out, so a thread asks and is left alone when late."""
    found: list[tuple[int, Any]] = []
    trouble: list[Exception] = []

    def ask() -> None:
        try:
            found.extend((one[0], one[4]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            trouble.append(error)

    asking = threading.Thread(target=ask, name="name-lookup", daemon=True)
    asking.start()
    asking.join(deadline.left())
    if asking.is_alive():
        raise TimeoutError("the name was not found in time")
    if trouble:
        raise trouble[0]
    return found


def _reply(answer: http.client.HTTPResponse, most_bytes: int) -> Reply:
    content = _bounded(answer, most_bytes)
    return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)


def _bounded(answer: http.client.HTTPResponse, most_bytes: int) -> bytes:
    content = bytearray()
    while part := answer.read1(_CHUNK_BYTES):
        content += part
        if len(content) > most_bytes:
            raise ValueError(f"more than {most_bytes} bytes")
    return bytes(content)
