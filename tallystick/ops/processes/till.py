"""The process of one register: its interface for programs, its till in a browser, its background."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs

from tallystick.device.ecr.place import open_register
from tallystick.device.ecr.service import serve_register
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock
from tallystick.ops.till_paper import printer
from tallystick.ops.till_tools import read_passphrase

API_PORT_FILE = "api.port"


@attrs.frozen(slots=True, kw_only=True)
class RegisterPlace:
    """Where a register lies, as a person says it; see `tallystick ecr run`."""

    folder: Path
    memory: Path | None = None
    passphrase_file: Path | None = None
    api_port: int = 8868
    till_port: int = 8869
    printer: Path | None = None
    paper_mm: int = 80


def run(place: RegisterPlace) -> None:
    """Serve one register until it is stopped; its port stands in the folder as ``api.port``."""
    context = Context.load("till")
    context.state.make()
    passphrase = read_passphrase(place.passphrase_file)
    run_until_stopped(context, lambda stopped: _serve(context, place, passphrase, stopped))


async def _serve(context: Context, place: RegisterPlace, passphrase: str, stopped: asyncio.Event) -> None:
    opened = await asyncio.to_thread(open_register, place.folder, passphrase, system_clock, memory=place.memory)
    register = opened.register
    put = None if place.printer is None else printer(place.printer, place.paper_mm)
    serving = serve_register(
        register,
        opened.channel,
        place.folder,
        api_port=place.api_port,
        till_port=place.till_port,
        print_=put,
        renewal=opened.renewal,
        control=opened.control,
    )
    async with serving as running:
        write_atomically(place.folder / API_PORT_FILE, f"{running.api_port}\n".encode())
        print(f"the till of {register.setup.uid} is http://127.0.0.1:{running.till_port}/", flush=True)
        print(f"register {register.setup.uid} serves programs on http://127.0.0.1:{running.api_port}", flush=True)
        context.serving.set()
        await stopped.wait()
