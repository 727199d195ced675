"""An answer reaches whoever still sends: half a close, the rest thrown away, and an end to patience."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from tallystick.kit import asgi
from tallystick.kit.asgi import App, Receive, Scope, Send, read_body, respond
from tallystick.kit.http_server import HttpLimits, Server


def served(test: Callable[[int], Awaitable[None]], *, app: App, limits: HttpLimits | None = None) -> None:
    async def main() -> None:
        server = Server(app, "127.0.0.1", 0, limits=limits)
        try:
            await test(await server.start())
        finally:
            await server.stop()

    uvloop.run(main())


@pytest.mark.parametrize("client_says", [{}, {"Connection": "close"}])
@pytest.mark.parametrize("server_says", [[], [(b"connection", b"close")]])
@pytest.mark.parametrize("reads", [True, False])
def test_ts_1003_a_sender_of_a_huge_body_hears_the_answer(
    client_says: dict[str, str], server_says: list[tuple[bytes, bytes]], reads: bool
) -> None:
    """Clients write the whole body before they read: closing on them would reset the connection and lose the answer."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if reads:
            with pytest.raises(asgi.BodyTooLarge):
                await read_body(receive, 1000)
        await respond(send, 413, b"too large", headers=server_says)

    def post(port: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/", bytes(90_000_000), client_says)
        answer = connection.getresponse()
        said = answer.status, answer.read()
        connection.close()
        return said

    async def test(port: int) -> None:
        assert await asyncio.to_thread(post, port) == (413, b"too large")

    served(test, app=refuse)


def test_a_sender_that_goes_on_and_on_is_left() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 413, b"too large", headers=[(b"connection", b"close")])

    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert (await reader.read()).endswith(b"too large"), "the end is said at once"

        async def go_on() -> None:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

        with pytest.raises(ConnectionError):
            await go_on()

    served(test, app=refuse, limits=HttpLimits(linger_seconds=0.3))
