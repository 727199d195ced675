"""The device's thread: order, exceptions, an end that finishes what was queued."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tallystick.device.esdc.worker import Worker


def test_jobs_run_one_after_another_in_order_in_one_thread() -> None:
    seen: list[tuple[int, int]] = []

    async def main() -> None:
        worker = Worker("test")
        worker.start()
        await asyncio.gather(*(worker.run(lambda n=n: seen.append((n, threading.get_ident()))) for n in range(50)))  # type: ignore[misc]
        await worker.stop()

    asyncio.run(main())
    assert [number for number, _ in seen] == list(range(50))
    assert len({thread for _, thread in seen}) == 1


def test_an_exception_reaches_whoever_asked_and_the_thread_goes_on() -> None:
    async def main() -> None:
        worker = Worker("test")
        worker.start()
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 // 0)
        assert await worker.run(lambda: 7) == 7
        await worker.stop()

    asyncio.run(main())


def test_a_job_that_was_begun_ends_even_when_nobody_waits() -> None:
    done = threading.Event()

    def slow() -> None:
        time.sleep(0.1)
        done.set()

    async def main() -> None:
        worker = Worker("test")
        worker.start()
        waiting = asyncio.create_task(worker.run(slow))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await worker.stop()

    asyncio.run(main())
    assert done.is_set()
