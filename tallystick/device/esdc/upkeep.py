"""Reads each store of a slot for damage once a week, beside the work, and writes the finding down."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import msgspec

from tallystick.device.esdc.database import StoreBroken, find_damage
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Esdc
from tallystick.device.esdc.left_cards import STORE_FILE
from tallystick.kernel.instants import unix_ms
from tallystick.kit.atomic_file import write_atomically

_FILE = "checks.json"
_LOOK_SECONDS_MOST = 3600.0


class Upkeep:
    """The check loop of one slot. A store that was never checked is due after one interval."""

    def __init__(self, esdc: Esdc) -> None:
        self._esdc = esdc
        self._log = esdc.device.log
        self._interval: timedelta = esdc.slot.settings.check_interval
        self._file = esdc.home / _FILE
        self._checked: dict[str, int] = self._read()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=f"upkeep-{self._esdc.slot.name}")

    async def stop(self) -> None:
        """End; a check that runs in its thread is waited for."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(min(self._interval.total_seconds() / 4, _LOOK_SECONDS_MOST))
            try:
                await self.check_due()
            except StoreBroken:
                return
            except Exception as error:
                self._log.failure(Kind.INTERNAL, "checking a store failed", error)

    async def check_due(self) -> None:
        """Check what is due. Raises `StoreBroken` when the store in use is damaged: this process must start anew."""
        now = unix_ms(self._esdc.clock())
        for uid in self._esdc.device.left.known:
            path = self._esdc.slot.stores / uid / STORE_FILE
            last = self._checked.setdefault(uid, now)
            if not path.is_file() or now - last < self._interval // timedelta(milliseconds=1):
                continue
            damage = await asyncio.to_thread(find_damage, path)
            self._checked[uid] = now
            if damage:
                self._log.error(Kind.INTERNAL, f"the store of card {uid} is damaged: {damage}")
                await self._esdc.work(partial(self._esdc.device.distrust, uid, damage))
            else:
                self._log.event(Kind.DEVICE, f"the store of card {uid} was read whole: no damage")
        self._keep()

    def _read(self) -> dict[str, int]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.DecodeError):
            return {}

    def _keep(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self._file, msgspec.json.encode(self._checked), durable=False)
