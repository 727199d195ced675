"""Work in a row: each is told its own outcome, in the order of asking, within one turn of the loop."""

from __future__ import annotations

import asyncio

import pytest

from tallystick.authority.intake.national.rows import InARow
from tallystick.kernel.faults import Fault


def test_all_that_ask_in_one_turn_are_served_in_a_row_and_told_apart() -> None:
    seen: list[str] = []

    def work(item: int) -> None:
        seen.append(f"work {item}")
        if item == 1:
            raise Fault("TS-1312")
        if item == 2:
            raise ValueError("another failure")

    async def task(row: InARow[int], item: int) -> object:
        seen.append(f"ask {item}")
        try:
            await row(item)
        except (Fault, ValueError) as failure:
            return type(failure)
        return item

    async def walk() -> list[object]:
        row = InARow(work)
        first = await asyncio.gather(*(task(row, item) for item in range(4)))
        return [*first, await task(row, 4)]

    assert asyncio.run(walk()) == [0, Fault, ValueError, 3, 4]
    assert seen == [*(f"ask {n}" for n in range(4)), *(f"work {n}" for n in range(4)), "ask 4", "work 4"]


def test_who_has_gone_costs_nothing_and_holds_nobody_up() -> None:
    seen: list[int] = []

    async def walk() -> None:
        row = InARow(seen.append)
        gone, stays = row(1), row(2)
        gone.cancel()
        await stays
        with pytest.raises(asyncio.CancelledError):
            await gone

    asyncio.run(walk())
    assert seen == [2]
