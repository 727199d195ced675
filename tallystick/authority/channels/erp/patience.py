"""A repeat that comes at once: the answer to a document leaves a moment before the row that shows others that it may be
told. Whoever repeats within that moment need not be sent away for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
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


async def settled_all(
    documents: Sequence[bytes], submit_all: Callable[[Sequence[bytes]], AsyncGenerator[Told | Fault]]
) -> AsyncIterator[Told | Fault]:
    """The same for many: from the first that may not be told yet, all are sent again after a short pause."""
    told = 0
    for pause in (*_PAUSES_SECONDS, None):
        async with aclosing(submit_all(documents[told:])) as outcomes:
            async for outcome in outcomes:
                if pause is not None and isinstance(outcome, Fault) and outcome.code == "TS-5003":
                    break
                told += 1
                yield outcome
            else:
                return
        if pause is not None:
            await asyncio.sleep(pause)
