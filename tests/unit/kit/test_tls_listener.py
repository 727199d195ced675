"""Handshakes of a listener on a real socket: whoever says nothing takes nobody's place and no more than its share."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator

import cards
import pytest
import uvloop
from http_talk import echo

from tallystick.crypto.pki import DemoPki
from tallystick.crypto.tls import tls_client_context, tls_server_context
from tallystick.kit import tls_listener
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.kit.tls_listener import HandshakeLimits

LIMITS = HttpLimits(handshakes=HandshakeLimits(seconds=30, most=6, most_of_a_source=4))
ASK = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
Test = Callable[[int, ssl.SSLContext], Awaitable[None]]


@pytest.fixture(scope="module")
def pki() -> DemoPki:
    return cards.serving_country().pki


@pytest.fixture
def served(pki: DemoPki) -> Callable[[Test], None]:
    def run(test: Test) -> None:
        async def main() -> None:
            server = Server(echo, "127.0.0.1", 0, ssl_context=tls_server_context(pki.files.folder), limits=LIMITS)
            port = await server.start()
            try:
                await test(port, tls_client_context(pki.files.root))
            finally:
                await server.stop()

        uvloop.run(main())

    return run


class Crowd(list[socket.socket]):
    """Connections that say nothing."""

    def come(self, port: int, source: str, count: int) -> None:
        self += [socket.create_connection(("127.0.0.1", port), 5, (source, 0)) for _ in range(count)]

    def ended(self) -> list[bool]:
        """Which of them the listener has closed."""
        return [_has_ended(one) for one in self]


def _has_ended(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@pytest.fixture
def idle() -> Iterator[Crowd]:
    crowd = Crowd()
    yield crowd
    for one in crowd:
        one.close()


async def asked(port: int, tls: ssl.SSLContext, source: str = "127.0.0.1") -> bytes:
    """What a client is answered that shakes hands; empty where it is sent away."""
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, local_addr=(source, 0), server_hostname="localhost"
        )
    except (OSError, ssl.SSLError):
        return b""
    writer.write(ASK)
    answer = await reader.read()
    writer.close()
    return answer[:12]


def test_what_is_said_with_the_last_message_of_the_handshake_is_heard(served: Callable[[Test], None]) -> None:
    async def test(port: int, tls: ssl.SSLContext) -> None:
        answers = await asyncio.gather(*(asked(port, tls, f"127.0.0.{number}") for number in range(1, 5)))
        assert answers == [b"HTTP/1.1 200"] * 4

    served(test)


def test_one_source_has_its_share_and_takes_nothing_from_another_one(
    served: Callable[[Test], None], idle: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(port: int, tls: ssl.SSLContext) -> None:
        idle.come(port, "127.0.0.9", 7)
        await asyncio.sleep(0.1)
        assert sorted(idle.ended()) == [False] * 4 + [True] * 3, "all of them have only just come: the newcomers go"
        assert await asked(port, tls) == b"HTTP/1.1 200"
        assert await asked(port, tls, "127.0.0.9") == b""
        monkeypatch.setattr(tls_listener, "HASTE_SECONDS", 0.05)
        assert await asked(port, tls, "127.0.0.9") == b"HTTP/1.1 200", "the one that waited longest makes room"
        assert sum(idle.ended()) == 4

    served(test)


def test_many_sources_end_the_one_that_waits_longest_and_never_hold_more_than_all_may(
    served: Callable[[Test], None], idle: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_listener, "HASTE_SECONDS", 0.05)

    async def test(port: int, tls: ssl.SSLContext) -> None:
        for number in range(10, 20):
            idle.come(port, f"127.0.0.{number}", 2)
            await asyncio.sleep(0.1)
        assert idle.ended() == [True] * 14 + [False] * 6
        assert await asked(port, tls) == b"HTTP/1.1 200"

    served(test)


def test_a_stop_ends_what_is_under_way(pki: DemoPki, idle: Crowd) -> None:
    async def main() -> None:
        server = Server(echo, "127.0.0.1", 0, ssl_context=tls_server_context(pki.files.folder), limits=LIMITS)
        idle.come(await server.start(), "127.0.0.1", 3)
        await asyncio.sleep(0.1)
        await asyncio.wait_for(server.stop(), 5)
        await asyncio.sleep(0.1)
        assert idle.ended() == [True] * 3

    uvloop.run(main())
