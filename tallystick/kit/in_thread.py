"""Blocking work beside the event loop, waited for no longer than it is worth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class ThreadTooSlow(Exception):
    """The work goes on in its thread, but nobody waits for it any more; whether it succeeds is not known."""


async def in_thread(work: Callable[[], Result], seconds: float) -> Result:
    """Run ``work`` in a thread and give its result; raises what it raises, or ``ThreadTooSlow`` after ``seconds``.

    A database that stands still with its connections open answers neither yes nor no: only a clock ends that.
    """
    try:
        return await asyncio.wait_for(asyncio.to_thread(work), seconds)
    except TimeoutError as error:
        raise ThreadTooSlow(f"no result within {seconds:g} s") from error
