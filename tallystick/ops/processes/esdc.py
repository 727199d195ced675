"""E-SDC processes: one device at a shop, or a rack of several that shops join while it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tallystick.device.applet.card import VirtualCard
from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.esdc import EsdcSlot
from tallystick.device.esdc.service import EsdcHost, esdc_host
from tallystick.device.esdc.settings import DEMO_TIMING, PRODUCTION_TIMING, EsdcSettings
from tallystick.device.secure_element.token_client import BesideCard
from tallystick.kernel.country_pack import PackageRetention
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock

RACK_FILE = "rack"
_LOOK_SECONDS = 0.2
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others want it. The default of 5 ms makes twenty cards in one
process wait for each other after every call that gives the interpreter back (a signature, a flush)."""


def run(card: Path, authority_ca: Path | None, host: str, port: int) -> None:
    """Serve one virtual card; its store lies beside it. Without the authority's root certificate it only sells."""
    context = Context.load("esdc")
    media = tuple(filter(None, context.settings.media.split(os.pathsep)))
    slot = _slot(context, card, port, host=host, authority_ca=authority_ca, media=media)
    run_until_stopped(context, lambda stopped: _serve(context, [slot], stopped))


def run_rack() -> None:
    """Serve every card that the run folder's list names; lines are UIDs, and more may be added at any time."""
    context = Context.load("esdc-rack")
    sys.setswitchinterval(SWITCH_SECONDS)
    run_until_stopped(context, lambda stopped: _serve(context, [], stopped, follow=True))


def port_file(context_run: Path, uid: str) -> Path:
    """Where the port of a rack's slot is announced."""
    return context_run / f"esdc-{uid}.port"


async def _serve(context: Context, slots: list[EsdcSlot], stopped: asyncio.Event, *, follow: bool = False) -> None:
    async with esdc_host(clock=system_clock) as host:
        for slot in slots:
            running = await host.add(slot)
            print(f"E-SDC {slot.name} serves POS on http://{slot.host}:{running.port}", flush=True)
        context.serving.set()
        waiting: set[asyncio.Task[object]] = {
            asyncio.create_task(stopped.wait()),
            asyncio.create_task(host.broken.wait()),
        }
        if follow:
            waiting.add(asyncio.create_task(_follow(context, host)))
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        for task in done:
            task.result()
        broken = host.broken.is_set()
    if broken:
        sys.exit(1)


async def _follow(context: Context, host: EsdcHost) -> None:
    """Add the slots of the list as it grows; each announces its port."""
    listed = context.state.run / RACK_FILE
    port = context.settings.pos_port
    while True:
        text = await asyncio.to_thread(listed.read_text) if listed.exists() else ""
        for uid in text.split():
            if uid in host.running:
                continue
            slot = _slot(context, context.state.esdc(uid), port, authority_ca=context.pki.files.root)
            running = await host.add(slot)
            port = running.port + 1
            write_atomically(port_file(context.state.run, uid), str(running.port).encode(), durable=False)
        await asyncio.sleep(_LOOK_SECONDS)


def _slot(
    context: Context,
    card: Path,
    port: int,
    *,
    authority_ca: Path | None,
    host: str = "127.0.0.1",
    media: tuple[str, ...] = (),
) -> EsdcSlot:
    pack = context.pack
    serial_number = card.name[:32]
    return EsdcSlot(
        name=card.name,
        reader=VirtualReader(VirtualCard.open(card)),
        stores=card.parent,
        settings=EsdcSettings(
            serial_number=serial_number,
            mrc=f"01-0001-{serial_number}",
            time_zone=pack.time_zone,
            currency=pack.currency,
            reference_time_required=pack.reference_time_required,
            keep_until_proof=pack.package_retention is PackageRetention.PROOF_OF_AUDIT,
            timing=DEMO_TIMING if context.settings.timing == "demo" else PRODUCTION_TIMING,
        ),
        host=host,
        port=port,
        token_client=BesideCard(card),
        authority_ca=authority_ca,
        media=media,
        button_folder=card,
    )
