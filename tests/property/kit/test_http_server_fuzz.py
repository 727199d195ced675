"""Whatever bytes arrive on a connection, the server answers or closes, and serves the next one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.kit.asgi import BodyTooLarge, Receive, Scope, Send, read_body, respond
from tallystick.kit.http_server import HttpLimits, Server

HEALTHY = b"GET /healthy HTTP/1.1\r\nConnection: close\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = await read_body(receive, 2_000, None)
    except BodyTooLarge:
        await respond(send, 413, headers=((b"connection", b"close"),))
        return
    await respond(send, 200, scope["path"].encode() + body, "text/plain")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    ready = threading.Event()
    found: list[int] = []
    stop: list[asyncio.Event] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        limits = HttpLimits(header_section_bytes=1024, header_fields=8, url_bytes=128, header_seconds=60)
        server = Server(echo, "127.0.0.1", 0, limits=limits)
        found.append(await server.start())
        loops.append(asyncio.get_running_loop())
        stop.append(asyncio.Event())
        ready.set()
        await stop[0].wait()
        await server.stop()

    thread = threading.Thread(target=lambda: uvloop.run(main()))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loops[0].call_soon_threadsafe(stop[0].set)
    thread.join(20)


def exchange(port: int, parts: list[bytes]) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            raise
        except OSError:
            pass  # closed on us, which is an answer too
        return answer


lines = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n", b"POST /a HTTP/1.1\r\n", b"PUT /a%00%ff HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n",
        b"GET http://a HTTP/1.0\r\n", b"Content-Length: 3\r\n", b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n",
        b"X: " + b"a" * 2000 + b"\r\n", b"\r\n", b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n",
        b"5;ext=" + b"b" * 500 + b"\r\n", HEALTHY,
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(lines, st.binary(max_size=60)), max_size=12))
def test_any_bytes_are_answered_or_closed_and_the_next_connection_is_served(port: int, parts: list[bytes]) -> None:
    answer = exchange(port, parts)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert b"HTTP/1.1 500" not in answer
    assert exchange(port, [HEALTHY]).endswith(b"/healthy")
