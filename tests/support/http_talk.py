"""A listener on a real socket for one test, and somebody who talks to it in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvloop

from tallystick.kit.asgi import App, Receive, Scope, Send, read_body, respond
from tallystick.kit.http_server import HttpLimits, Server


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await read_body(receive, 100_000)
    names = b",".join(name for name, _ in scope["headers"])
    await respond(send, 200, scope["path"].encode() + b"|" + body + b"|" + names, "text/plain")


async def talk(port: int, *parts: bytes, pause: float = 0.0, wait: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), wait)
    finally:
        writer.close()


def served(
    test: Callable[[int], Awaitable[None]],
    *,
    app: App = echo,
    limits: HttpLimits | None = None,
) -> None:
    async def main() -> None:
        server = Server(app, "127.0.0.1", 0, limits=limits)
        port = await server.start()
        try:
            await test(port)
        finally:
            await server.stop()

    uvloop.run(main())
