"""A repeat that comes at once: the answer to a document leaves a moment before the row that shows others that it may be
told. Whoever repeats within that moment need not be sent away for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tallystick.kernel.faults import Fault

_PAUSES_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2)
Told = TypeVar("Told")


async def settled(call: Callable[[], Awaitable[Told]]) -> Told:
    """Call, and again after short pauses while ``TS-5003`` is raised; the same bytes may be sent again after it."""
    for pause in _PAUSES_SECONDS:
        try:
            return await call()
        except Fault as fault:
            if fault.code != "TS-5003":
                raise
        await asyncio.sleep(pause)
    return await call()
