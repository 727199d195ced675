"""The sequencer process is killed before each of its steps: nothing acknowledged is lost, nothing is booked twice."""

import asyncio
import subprocess
from collections.abc import Awaitable

import pytest
from ledger_bench import CASH, LedgerFolder, document, fault_of, lines, registration, start_child, wait_serving

from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Booked
from tallystick.kernel.faults import Fault

STEPS = ("order", "lease", "rows", "tree", "mirror", "commit", "signature", "answer")
SALES = 120


async def answer_of(call: Awaitable[Booked]) -> Booked | str:
    """What is booked, or the code of the fault."""
    try:
        return await call
    except Fault as fault:
        return fault.code


async def sell(ledger: LedgerFolder, child: subprocess.Popen[bytes]) -> dict[int, Booked]:
    """Send sales, a few at a time, until the process dies; what it acknowledged."""
    client = SequencerClient(ledger.socket)
    acknowledged: dict[int, Booked] = {}

    async def one(ordinal: int) -> None:
        answer = await answer_of(client.append(document(CASH[0], ordinal)))
        if isinstance(answer, Booked):
            acknowledged[ordinal] = answer
        else:
            assert answer in {"TS-5003", "TS-5007"}

    await fault_of(client.append(registration(CASH[0])))
    for first in range(1, SALES, 7):
        await asyncio.gather(*(one(ordinal) for ordinal in range(first, min(first + 7, SALES + 1))))
        if child.poll() is not None:
            break
    await client.close()
    return acknowledged


@pytest.mark.durable
@pytest.mark.parametrize("step", STEPS)
def test_fp_29_kill_before_each_step(durable_ledger: LedgerFolder, step: str) -> None:
    ledger = durable_ledger
    acknowledged: dict[int, Booked] = {}
    for after_times in (0, 6):
        child = start_child(ledger, kill_at=step, after_times=after_times)
        try:
            if wait_serving(ledger, child):
                for ordinal, booked in asyncio.run(sell(ledger, child)).items():
                    before = acknowledged.setdefault(ordinal, booked)
                    assert (before.index, before.body_hash) == (booked.index, booked.body_hash)
            assert child.wait(20) == -9, "the fault point was not reached"
        finally:
            child.kill()
            child.wait()
    asyncio.run(the_rest_is_sold(ledger, acknowledged))
    numbers = ledger.rows("SELECT se_total, log_index FROM ledger.identity WHERE signed_by <> '' ORDER BY se_total")
    assert [number for number, _ in numbers] == list(range(1, SALES + 1)), "booked once, each"
    assert {ordinal: booked.index for ordinal, booked in acknowledged.items()}.items() <= dict(numbers).items()
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


async def the_rest_is_sold(ledger: LedgerFolder, acknowledged: dict[int, Booked]) -> None:
    async with ledger.serving() as (client, _):
        await client.append(registration(CASH[0]))
        for ordinal in range(1, SALES + 1):
            booked = await client.append(document(CASH[0], ordinal))
            if ordinal in acknowledged:
                assert booked.duplicate
                assert booked.index == acknowledged[ordinal].index
