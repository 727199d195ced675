"""Processes that open blocks of documents side by side, so that the one that keeps the order has little to do."""

from __future__ import annotations

import asyncio
import contextlib
import copyreg
import os
import select
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import tzinfo
from functools import lru_cache
from multiprocessing import get_context
from types import MappingProxyType
from typing import Any

import msgspec

from tallystick.authority.intake.national.offline.opening import Arrival, open_block, opening_rules
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.offline.segments import Segment
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.tax_rates import TaxRateGroup

NICE = 5
"""What is sold on line goes before what was sold hours ago, where both want the same core."""
_START_SECONDS = 0.05
"""So long a task keeps a new process busy that the next task starts another one."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Segment]).decode


class Openers:
    """Over so many processes; 0 opens in the caller's own. They start with `start` or the first block, and live on."""

    def __init__(self, rules: OfflineRules, processes: int = 0) -> None:
        self.ahead = 2 * processes
        self._rules = rules
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    async def start(self) -> None:
        """Have the processes ready before the first block: what they import takes longer than a small batch."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(loop.run_in_executor(self._started(), time.sleep, _START_SECONDS) for _ in range(self._processes))
        )

    async def open(self, arrival: Arrival, text: bytes) -> list[Segment]:
        """What `open_block` says; raises ``TS-5099`` where the processes have ended: the same block may come again."""
        if not self._processes:
            return open_block(self._rules.national, arrival, text)
        try:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._started(), _open, self._rules.rates.groups, arrival, text)
        except BrokenProcessPool:
            self.close()
            raise Fault("TS-5099", detail="the processes that open batches have ended") from None
        return _decode(answer)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            country, context = self._rules.national, get_context("forkserver")
            context.set_forkserver_preload([__name__])  # imported once, and shared by all of them
            self._pool = ProcessPoolExecutor(
                self._processes, context, _begin, (os.getpid(), country.pack, country.zone, country.origin)
            )
        return self._pool


def read_only(members: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """A country pack's tables are read-only mappings, which do not travel between processes by themselves."""
    return MappingProxyType(members)


copyreg.pickle(MappingProxyType, lambda mapping: (read_only, (dict(mapping),)))
_country: list[tuple[CountryPack, tzinfo, str]] = []
"""In a process that opens: what it was started with."""


def _begin(owner: int, pack: CountryPack, zone: tzinfo, origin: str) -> None:
    threading.Thread(target=_end_with, args=(owner,), daemon=True).start()
    os.nice(NICE)
    _country[:] = [(pack, zone, origin)]


def _end_with(owner: int) -> None:
    """A process that is killed closes no pool: its helpers would wait for work for ever."""
    with contextlib.suppress(ProcessLookupError):
        select.select([os.pidfd_open(owner)], [], [])
    os._exit(0)


def _open(groups: tuple[TaxRateGroup, ...], arrival: Arrival, text: bytes) -> bytes:
    return _encode(open_block(_rules_with(groups), arrival, text))


@lru_cache(maxsize=2)
def _rules_with(groups: tuple[TaxRateGroup, ...]) -> NationalRules:
    [(pack, zone, origin)] = _country
    return opening_rules(pack, zone, origin, Rates(groups))
