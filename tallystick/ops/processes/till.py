"""Processes of registers, one or a rack: interfaces for programs, tills in a browser, backgrounds."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from pathlib import Path

import attrs

from tallystick.device.ecr.place import open_register
from tallystick.device.ecr.service import serve_register
from tallystick.device.ecr.synchronise import Pace
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock
from tallystick.ops.till_paper import printer
from tallystick.ops.till_tools import read_passphrase

log = logging.getLogger(__name__)

API_PORT_FILE = "api.port"
TILL_PORT_FILE = "till.port"
RACK_NAME = "register-rack"
RACK_FILE = "registers"
"""The list in the run folder that a rack follows: folders of registers, one a line."""
DEMO_PACE = Pace(round_seconds=0.25, contact_seconds=2.0, patience_seconds_most=2.0, fresh_seconds=0)
"""Of a demonstration, whose days are minutes: whatever an offline register brings, it brings as a batch."""
_LOOK_SECONDS = 0.2


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


def run_rack(passphrase_file: Path | None) -> None:
    """Serve every register that the run folder's list names, all with one passphrase; more may be added at any time.

    Each folder gets the ports as ``api.port`` and ``till.port``. A register that cannot be opened is tried again, and
    costs the others nothing.
    """
    context = Context.load(RACK_NAME)
    context.state.make()
    passphrase = read_passphrase(passphrase_file)
    run_until_stopped(context, lambda stopped: _serve_rack(context, passphrase, stopped))


async def _serve_rack(context: Context, passphrase: str, stopped: asyncio.Event) -> None:
    listed, running, troubles = context.state.run / RACK_FILE, set[str](), dict[str, str]()
    pace = DEMO_PACE if context.settings.timing == "demo" else None
    async with AsyncExitStack() as stack:
        context.serving.set()
        while not stopped.is_set():
            text = await asyncio.to_thread(listed.read_text) if listed.exists() else ""
            for line in filter(None, text.splitlines()):
                if line in running:
                    continue
                try:
                    await _join(stack, Path(line), passphrase, pace)
                    running.add(line)
                except Fault as fault:
                    if troubles.get(line) != str(fault):
                        log.error("the register in %s cannot be opened: %s", line, fault)
                    troubles[line] = str(fault)
            try:
                await asyncio.wait_for(stopped.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue


async def _join(stack: AsyncExitStack, folder: Path, passphrase: str, pace: Pace | None) -> None:
    opened = await asyncio.to_thread(open_register, folder, passphrase, system_clock)
    serving = serve_register(
        opened.register,
        opened.channel,
        folder,
        api_port=0,
        till_port=0,
        pace=pace,
        renewal=opened.renewal,
        control=opened.control,
    )
    running = await stack.enter_async_context(serving)
    write_atomically(folder / TILL_PORT_FILE, f"{running.till_port}\n".encode(), durable=False)
    write_atomically(folder / API_PORT_FILE, f"{running.api_port}\n".encode(), durable=False)
