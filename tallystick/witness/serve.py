"""The witness as a process: one listener, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime

from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_server import Server
from tallystick.witness.api import PREFIX, build_app
from tallystick.witness.folder import WitnessFolder


def serve(
    folder: WitnessFolder, host: str, port: int, clock: Callable[[], datetime], say: Callable[[str], object]
) -> None:
    """Serve until SIGTERM or SIGINT; a taken port gives way to the next free one, which is written into the folder.

    Raises what ``WitnessFolder.open`` raises, and ``OSError`` when no port is free.
    """
    witness = folder.open(clock)
    try:
        asyncio.run(_serve(folder, Server(build_app(witness), host, port), host, say))
    finally:
        folder.port_file.unlink(missing_ok=True)
        witness.store.close()


async def _serve(folder: WitnessFolder, server: Server, host: str, say: Callable[[str], object]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    bound = await server.start()
    write_atomically(folder.port_file, str(bound).encode(), durable=False)
    say(f"the witness serves at http://{host}:{bound}{PREFIX}")
    await stopped.wait()
    await server.stop()
