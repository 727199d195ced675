"""S1-033: the closure of a memory is the end of its register, whatever comes after it, and whoever reads it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
from batch_bench import batches
from ledger_bench import LedgerFolder


def test_s1_033_nothing_that_comes_after_the_closure_opens_the_register(batch_ledger: LedgerFolder) -> None:
    """A register that goes on after it, off line, is kept apart; the ledger alone tells that it is closed."""

    async def walk() -> None:
        async with batches(batch_ledger) as bench:
            till = await bench.register()
            at = bench.now - timedelta(hours=2)
            lawful = [till.register(at), *till.day(at, 1), till.close_memory(at)]
            till.state = attrs.evolve(till.state, is_closed=False)
            await bench.deliver(till, [*lawful, *till.day(at + timedelta(minutes=5), 1)])
            closed = len(lawful)
            assert [number for number, _ in bench.apart(till)] == [closed + 1, closed + 2, closed + 3]
            standing = await bench.bench.another_process().standing(till.uid)
            assert (standing.sequence, standing.state.is_closed) == (closed, True)

    asyncio.run(walk())
