"""A register that runs: its interface for programs, its till for people, and its background, until they are stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from tallystick.device.ecr.api import ApiApp, api_token
from tallystick.device.ecr.basket import BasketFile
from tallystick.device.ecr.catalogue import load_catalogue
from tallystick.device.ecr.channel import Channel
from tallystick.device.ecr.face.app import Print, TillApp
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.remote.control import RemoteControl
from tallystick.device.ecr.renewing import Renewal
from tallystick.device.ecr.synchronise import Pace, Synchroniser
from tallystick.kit.http_server import Server

HOST = "127.0.0.1"


@attrs.define(slots=True)
class Running:
    """What serves: the ports for programs and for people."""

    register: Register
    background: Synchroniser
    api_port: int = 0
    till_port: int = 0


@asynccontextmanager
async def serve_register(
    register: Register,
    channel: Channel,
    folder: Path,
    *,
    api_port: int,
    till_port: int,
    pace: Pace | None = None,
    print_: Print | None = None,
    renewal: Renewal | None = None,
    control: RemoteControl | None = None,
) -> AsyncIterator[Running]:
    """Serve on loopback; with the end of the block everything stops and the register is closed.

    Raises ``TS-3265`` for a catalogue that cannot be read.
    """
    background = Synchroniser(register, channel, register.clock, pace, renewal, control)
    app = ApiApp(register, api_token(folder))
    till = TillApp(register, BasketFile(folder), load_catalogue(folder), host=HOST, print_=print_)
    server, page = Server(app.serve, HOST, api_port), Server(till.serve, HOST, till_port)
    try:
        app.port = await server.start()
        till.port = await page.start()
        background.start()
        yield Running(register, background, api_port=app.port, till_port=till.port)
    finally:
        await page.stop()
        await server.stop()
        await asyncio.to_thread(background.stop)
        register.close()
