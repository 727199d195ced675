"""Blocking work is waited for no longer than it is worth."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tallystick.kit.in_thread import ThreadTooSlow, in_thread


def test_result_and_exception_come_through() -> None:
    def fails() -> int:
        raise KeyError("x")

    assert asyncio.run(in_thread(lambda: 3, 1)) == 3
    with pytest.raises(KeyError):
        asyncio.run(in_thread(fails, 1))


def test_work_that_takes_too_long_is_left_alone() -> None:
    end, done = threading.Event(), threading.Event()

    def slow() -> None:
        end.wait(10)
        done.set()

    async def main() -> float:
        start = time.monotonic()
        with pytest.raises(ThreadTooSlow):
            await in_thread(slow, 0.05)
        waited = time.monotonic() - start
        end.set()
        return waited

    assert asyncio.run(main()) < 5
    assert done.wait(5), "the work itself goes on"
