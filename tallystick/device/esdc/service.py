"""Several E-SDCs in one process: a port, a store and a card for each; further ones may join while the first sell."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import attrs

from tallystick.device.esdc.audit_loop import AuditLoop
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Esdc, EsdcSlot
from tallystick.device.esdc.face.app import FaceApp
from tallystick.device.esdc.local_audit_state import LocalAuditBoard
from tallystick.device.esdc.local_audit_watch import LocalAuditWatch
from tallystick.device.esdc.pos_api import build_app, refuse
from tallystick.device.esdc.pos_gate import PosGate, is_loopback
from tallystick.device.esdc.request_watch import watched
from tallystick.device.esdc.time_keeper import TimeKeeper
from tallystick.device.esdc.upkeep import Upkeep
from tallystick.kernel.instants import Clock
from tallystick.kit.http_server import Server

log = logging.getLogger(__name__)

_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def system_clock() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


@attrs.define(slots=True)
class RunningSlot:
    """A slot that serves: where, and what runs for it."""

    slot: EsdcSlot
    esdc: Esdc
    audit: AuditLoop | None
    local_audit: LocalAuditWatch
    server: Server
    port: int
    upkeep: Upkeep
    time: TimeKeeper | None = None
    face: Server | None = None
    face_port: int | None = None


class EsdcHost:
    """The slots of one process. `broken` is set when a store cannot be written any more: stop and start anew."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self.broken = asyncio.Event()
        self.running: dict[str, RunningSlot] = {}

    async def add(self, slot: EsdcSlot) -> RunningSlot:
        """Start a slot; gives the bound port, which is the next free one when its own is taken."""
        if slot.name in self.running:
            raise ValueError(f"slot {slot.name} runs already")
        esdc = Esdc(slot, self._clock, self._on_broken)
        await esdc.start()
        audit = AuditLoop(esdc) if slot.authority_ca is not None and slot.token_client is not None else None
        local = LocalAuditWatch(esdc, LocalAuditBoard(), slot.media, slot.button_folder)
        settings = slot.settings
        gate = PosGate(origins=settings.web_origins, hosts=settings.host_names, loopback=is_loopback(slot.host))
        app = watched(build_app(esdc, gate, older=settings.older_dialect), esdc.device.log)
        server = Server(app, slot.host, slot.port, refuse=refuse, headers=_HEADERS)
        port = await server.start()
        if audit is not None:
            audit.start()
        local.start()
        running = RunningSlot(slot, esdc, audit, local, server, port, Upkeep(esdc))
        running.upkeep.start()
        if slot.settings.time_sync is not None:
            running.time = TimeKeeper(esdc, slot.settings.time_sync)
            running.time.start()
        await _show_face(running)
        self.running[slot.name] = running
        log.info("E-SDC %s serves POS on %s:%d", slot.name, slot.host, port)
        gc.freeze()
        return running

    async def remove(self, name: str) -> None:
        """Stop a slot: no new requests, finish those that were begun, close the store."""
        running = self.running.pop(name)
        await running.server.stop()
        if running.face is not None:
            await running.face.stop()
        await running.upkeep.stop()
        if running.time is not None:
            await running.time.stop()
        if running.audit is not None:
            await running.audit.stop()
        await running.local_audit.stop()
        await running.esdc.stop()

    async def stop(self) -> None:
        """Stop every slot."""
        await asyncio.gather(*(self.remove(name) for name in list(self.running)))

    def _on_broken(self, error: StoreBroken) -> None:
        log.critical("a store cannot be used any more, this process must start anew: %s", error)
        self.broken.set()


async def _show_face(running: RunningSlot) -> None:
    """Serve the device's page where the slot wants one. A device without a free port for it sells all the same."""
    face = running.slot.face
    if face is None:
        return
    app = FaceApp(running.esdc, face, audit=running.audit, time=running.time)
    server = Server(app.serve, face.host, face.port)
    try:
        running.face_port = app.port = await server.start()
    except OSError as error:
        running.esdc.device.log.error(Kind.DEVICE, f"the page for people cannot be served: {error.strerror}")
        return
    running.face = server


@asynccontextmanager
async def esdc_host(slots: Sequence[EsdcSlot] = (), clock: Clock = system_clock) -> AsyncIterator[EsdcHost]:
    """A host whose slots are stopped at the end, whatever happens."""
    host = EsdcHost(clock)
    try:
        for slot in slots:
            await host.add(slot)
        yield host
    finally:
        await host.stop()


async def serve_esdcs(
    slots: Sequence[EsdcSlot],
    *,
    stop: asyncio.Event,
    clock: Clock = system_clock,
    more: asyncio.Queue[EsdcSlot] | None = None,
) -> int:
    """Serve slots until `stop` is set; slots put into `more` join. Exit status: 0, or 1 for a broken store."""
    async with esdc_host(slots, clock) as host:
        waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(host.broken.wait())}
        joining = asyncio.create_task(_join(host, more)) if more is not None else None
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting | ({joining} if joining else set()):
            task.cancel()
        return int(host.broken.is_set())


async def _join(host: EsdcHost, more: asyncio.Queue[EsdcSlot]) -> None:
    while True:
        slot = await more.get()
        try:
            await host.add(slot)
        except (OSError, StoreBroken, ValueError):
            log.exception("slot %s cannot start", slot.name)
