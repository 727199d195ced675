"""Keeps the device's clock in step with a time server, at least every 48 hours (S2-018), and tells when it is not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

from tallystick.device.esdc.device_clock import DeviceClock, boot_seconds
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Esdc
from tallystick.device.esdc.settings import TimeSync
from tallystick.device.esdc.status import clock_is_wrong
from tallystick.device.esdc.time_query import TimeServerAway, ask_server
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.instants import Clock
from tallystick.kit.retry import backoff_seconds
from tallystick.wire.ntp import STOP_KISSES, Sample, TimeServer

_SHOWN_CHARACTERS = 80
Ask = Callable[[TimeServer, Clock, TimeSync], Awaitable[Sample]]


class TimeKeeper:
    """The time loop of one slot: at its start, at command 1, when the interval is over, when a person asks.

    Pauses are counted by `boot_seconds`: hours that a machine slept through count.
    """

    def __init__(self, esdc: Esdc, settings: TimeSync, ask: Ask = ask_server) -> None:
        self._esdc = esdc
        self._clock: DeviceClock = esdc.clock
        self._log = esdc.device.log
        self._settings = settings
        self._ask = ask
        self._wanted = asyncio.Event()
        self._silenced: dict[str, float] = {}
        self._pauses = self._new_pauses()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, and listen for command 1, which comes in the device's thread."""
        loop = asyncio.get_running_loop()

        def ask_at_once() -> None:
            loop.call_soon_threadsafe(self.ask_now)

        self._esdc.device.on_time_server = ask_at_once
        self._task = asyncio.create_task(self._run(), name=f"time-{self._esdc.slot.name}")

    async def stop(self) -> None:
        """End."""
        self._esdc.device.on_time_server = lambda: None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ask_now(self) -> None:
        """Synchronise at once; a pause that a server asked for is kept all the same."""
        self._wanted.set()

    async def _run(self) -> None:
        due = boot_seconds()
        while True:
            if self._look() or self._wanted.is_set() or boot_seconds() >= due:
                self._wanted.clear()
                due = boot_seconds() + await self._guarded()
            try:
                async with asyncio.timeout(self._settings.look_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    def _look(self) -> bool:
        """Take over what a command has set; true when somebody has set the machine's clock: ask the server then."""
        before = self._clock.record
        self._clock.reload()
        if self._clock.record.synchronised_ms != before.synchronised_ms:
            self._log.event(Kind.TIME, f"the clock was set by a command, offset {self._clock.record.offset_ms} ms")
        self._clock()
        jumps = self._clock.take_jumps()
        for jump in jumps:
            seconds = jump.total_seconds()
            self._log.error(Kind.TIME, f"the machine's clock was set by {seconds:+.0f} s; the device's time went on")
        return bool(jumps)

    async def _guarded(self) -> float:
        """One synchronisation; gives the seconds until the next."""
        try:
            return await self._synchronise()
        except PosFault:
            return self._settings.retry_first.total_seconds()
        except Exception as error:
            self._log.failure(Kind.INTERNAL, "synchronising the time failed", error)
            return next(self._pauses)

    async def _synchronise(self) -> float:
        device = self._esdc.device
        servers = await self._esdc.work(device.time_servers)
        problem = ""
        for text in servers:
            try:
                return await self._follow(TimeServer.of(text))
            except (Fault, TimeServerAway) as error:
                problem = f"{text[:_SHOWN_CHARACTERS]}: {error}"
                self._log.error(Kind.TIME, f"no time from {problem}")
        if problem:
            self._clock.note_problem(problem)
        return next(self._pauses) if servers else self._settings.retry_first.total_seconds()

    async def _follow(self, server: TimeServer) -> float:
        """Ask one server and take its time; raises `TimeServerAway`, `TS-3130`, `TS-3131`, `TS-3132`."""
        if boot_seconds() < self._silenced.get(str(server), 0.0):
            raise TimeServerAway("wants no questions for now")
        try:
            sample = await self._ask(server, self._clock.machine, self._settings)
        except Fault as fault:
            if fault.code == "TS-3131":
                self._silence(server, fault.detail)
            raise
        device = self._esdc.device
        wrong = await self._esdc.work(lambda: clock_is_wrong(device))
        if not self._clock.follow(sample.offset, str(server), surely_wrong=wrong):
            step = self._clock.record.proposed_ms or 0
            reason = f"{server} says {step / 1000:+.0f} s: too far for a step that no person has confirmed"
            self._log.error(Kind.TIME, reason)
            return self._settings.retry_most.total_seconds()
        offset = self._clock.record.offset_ms
        self._log.event(Kind.TIME, f"synchronised with {server}: offset {offset} ms, way {sample.delay}")
        self._pauses = self._new_pauses()
        return self._settings.interval.total_seconds() * random.uniform(0.9, 1.0)  # noqa: S311 - spreads devices

    def _silence(self, server: TimeServer, kiss: str) -> None:
        pause = self._settings.kiss_pause if kiss in STOP_KISSES else self._settings.retry_most
        self._silenced[str(server)] = boot_seconds() + pause.total_seconds()

    def _new_pauses(self) -> Iterator[float]:
        settings = self._settings
        return backoff_seconds(
            first_seconds=settings.retry_first.total_seconds(), most_seconds=settings.retry_most.total_seconds()
        )
