"""One slot at work: its device in a thread of its own, the POS API before it, the audit loop behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import attrs
from prometheus_client import Counter

from tallystick.device.esdc import metrics
from tallystick.device.esdc.card_slot import CardReader
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.device_clock import DeviceClock
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.fiscalise import Order, Sold
from tallystick.device.esdc.pos_api import QueueFull
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.status import status_body
from tallystick.device.esdc.store import Store
from tallystick.device.esdc.worker import Worker
from tallystick.device.secure_element import TokenClient
from tallystick.kernel.faults import PosFault
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.pos_invoice import encode_json

log = logging.getLogger(__name__)
HOME_SUFFIX = ".device"
CLOCK_FILE = "clock.json"
T = TypeVar("T")


@attrs.frozen(slots=True, kw_only=True)
class Face:
    """The page for whoever stands at the device. `languages` are offered in that order; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8880
    languages: tuple[str, ...] = ("en-US",)


@attrs.frozen(slots=True, kw_only=True)
class EsdcSlot:
    """What an operator wires up: a reader, a folder that gets one store a card, a port, and how to reach the authority.

    `authority_ca` is the PEM of the root that the authority's TLS certificate leads to; without it the device only
    sells. `port` 0 takes a free one. `media` are folders, or patterns of folders, that are removable media while they
    are there; in `button_folder` `tallystick esdc export` leaves its request.
    """

    name: str
    """Also the name of the folder, beside the stores, of what belongs to no card: log, clock, earlier cards."""
    reader: CardReader
    stores: Path
    settings: EsdcSettings = attrs.field(factory=EsdcSettings)
    host: str = "127.0.0.1"
    port: int = 8888
    token_client: TokenClient | None = None
    authority_ca: Path | None = None
    face: Face | None = None
    """Where the device's page is served; none where nobody stands at the device."""
    media: tuple[str, ...] = ()
    button_folder: Path | None = None
    build_id: str = ""
    """The certified build that this device proves to its authority; empty: it proves none."""


class Esdc:
    """The asynchronous face of a device: what a POS may ask (`pos_api.Counter`), and jobs for the audit loop."""

    def __init__(self, slot: EsdcSlot, clock: Clock, on_broken: Callable[[StoreBroken], None]) -> None:
        self.slot = slot
        self.home = slot.stores / f"{slot.name}{HOME_SUFFIX}"
        self.clock = DeviceClock(clock, self.home / CLOCK_FILE)
        self.device = Device(slot.reader, slot.stores, slot.settings, self.clock, home=self.home)
        self.online = False
        self._worker = Worker(f"esdc-{slot.name}")
        self._on_broken = on_broken
        self._waiting = 0
        self._ends: dict[str, Counter] = {}
        self._seconds = metrics.SALE_SECONDS.labels(slot=slot.name)
        self._on_sale: Callable[[], None] = lambda: None
        self._reading: asyncio.Task[None] | None = None
        self._moved = False

    async def start(self) -> None:
        """Start the thread; read the card that is in, and settle what a stop left open."""
        self._worker.start()
        settings = self.slot.settings
        self.device.log.event(Kind.DEVICE, f"{settings.make} {settings.model} {settings.software_version} started")
        await self.work(self.device.refresh)
        loop = asyncio.get_running_loop()
        self.slot.reader.call_on_change(lambda: _tell(loop, self._card_moved))

    async def stop(self) -> None:
        """Finish what was begun, close the store, let the card go."""
        self.slot.reader.call_on_change(lambda: None)
        if self._reading is not None:
            await asyncio.wait([self._reading])
        await self.work(self.device.close)
        await self.work(self.slot.reader.close)
        await self._worker.stop()

    def _card_moved(self) -> None:
        """A card came or went: read it now, and let the audit loop see it (S2-006, S2-026)."""
        self._moved = True
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_card())

    async def _read_card(self) -> None:
        try:
            while self._moved:
                self._moved = False
                await self.work(self.device.refresh)
        except StoreBroken:
            return  # told by `work`
        finally:
            self._reading = None
        self._on_sale()

    def call_on_sale(self, callback: Callable[[], None]) -> None:
        """Who wants to hear of each new invoice (S2-088)."""
        self._on_sale = callback

    async def work(self, job: Callable[[], T]) -> T:
        """Run a job in the device's thread; a broken store is told to whoever decides about a new start."""
        try:
            return await self._worker.run(job)
        except StoreBroken as error:
            self.device.log.error(Kind.INTERNAL, f"the store cannot be used any more: {error}")
            self._on_broken(error)
            raise

    async def status(self) -> bytes:
        """The body of GET status."""
        return await self.work(lambda: status_body(self.device, online=self.online))

    async def environment_parameters(self) -> bytes:
        """The environment document of command 7; raises 1300 and 2400."""
        setup = await self.work(lambda: self.device.require_card().setup)
        if setup is None:
            raise PosFault.single(StatusCode.NOT_CONFIGURED)
        return encode_json(environment_parameters(setup.configuration))

    async def verify_pin(self, pin: str) -> None:
        """Present a PIN; raises `PosFault` and `PinPaused`."""
        await self.work(lambda: self.device.verify_pin(pin))

    async def sell(self, order: Order, answer: Callable[[bytes], Awaitable[None]]) -> None:
        """Fiscalise in turn, then hand the answer over; at most 32 requests wait, the next gets `QueueFull`."""
        if self._waiting >= LIMITS.esdc_queue_requests:
            raise QueueFull
        self._waiting += 1
        try:
            sold, store = await self.work(lambda: self._sell(order))
        finally:
            self._waiting -= 1
        if sold.sale is not None:
            self._on_sale()
        await answer(sold.answer)
        if sold.sale is not None:
            store.note_answered(sold.sale)

    def _sell(self, order: Order) -> tuple[Sold, Store]:
        """A sale in the device's thread, counted, with the store that keeps it."""
        start = perf_counter()
        try:
            sold = self.device.sell(order)
        except PosFault as refusal:
            self._count(refusal.errors[0].code)
            raise
        assert self.device.session is not None
        self._seconds.observe(perf_counter() - start)
        self._count("repeated" if sold.sale is None else "signed")
        return sold, self.device.session.store

    def _count(self, end: str) -> None:
        counter = self._ends.get(end)
        if counter is None:
            counter = self._ends[end] = metrics.SALES.labels(slot=self.slot.name, end=end)
        counter.inc()

    async def find_invoice(self, request_id: str) -> bytes | None:
        """The stored answer to a request id; raises 1300 and 2400."""
        return await self.work(lambda: self.device.find_invoice(request_id))


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """From a reader's thread; a loop that is closed hears nothing any more."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        return
