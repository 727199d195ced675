"""A process of the channel that stands one document behind: another one has booked for the device meanwhile.

Whoever gets a refusal that says *sign anew* for what is booked already would put two documents in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest
from ledger_bench import LedgerFolder
from national_bench import NationalBench, run_national

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national.pipeline import NationalIntake
from tallystick.authority.intake.national.values import NationalAnswer
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.faults import Fault


async def _one_behind(bench: NationalBench) -> tuple[NationalTill, NationalIntake, bytes, NationalAnswer]:
    """A till, a process that does not know its last document, that document and what was answered."""
    till = await bench.opened()
    behind = bench.another_process()
    await behind.submit(till.sell(bench.now), sender=bench.sender(till), received_at=bench.now)
    compact = till.sell(bench.now)
    return till, behind, compact, await bench.send(till, compact)


def test_s0_037_the_same_bytes_get_the_first_answer_there_as_well(ledger: LedgerFolder) -> None:
    """After the time window, and when the device may sell no more."""

    async def walk(bench: NationalBench) -> None:
        till, behind, compact, first = await _one_behind(bench)
        before = bench.tree()
        bench.now += timedelta(minutes=3)
        bench.registry.change(till.uid, state=DeviceState.HOLD)
        again = await behind.submit(compact, sender=bench.sender(till), received_at=bench.now)
        assert again == attrs.evolve(first, replayed=True)
        assert bench.tree() == before

    run_national(ledger, walk)


def test_s0_090_a_bulk_gets_its_first_answers_there_as_well(ledger: LedgerFolder) -> None:
    """And goes on behind them."""

    async def walk(bench: NationalBench) -> None:
        till, behind, compact, first = await _one_behind(bench)
        bench.now += timedelta(minutes=3)
        documents = [compact, *(till.sell(bench.now) for _ in range(3))]
        told = await _bulk(bench, behind, till, documents)
        assert told[0] == attrs.evolve(first, replayed=True)
        assert [one.log_index - first.log_index for one in told[1:] if isinstance(one, NationalAnswer)] == [1, 2, 3]

    run_national(ledger, walk)


async def _bulk(
    bench: NationalBench, intake: NationalIntake, till: NationalTill, documents: Sequence[bytes]
) -> list[NationalAnswer | Fault]:
    outcomes = intake.submit_all(
        documents, sender=bench.sender(till), clock=lambda: bench.now, channel=Channel.ECR_ONLINE
    )
    return [one async for one in outcomes]


def test_ts_1403_another_act_in_a_taken_place_is_evidence_there_as_well(ledger: LedgerFolder) -> None:
    """And is not told that the place is free, where a device that believes it would sign a third one."""

    async def walk(bench: NationalBench) -> None:
        till, behind, _, _ = await _one_behind(bench)
        rival = till.sign(
            till.receipt(), bench.now, keep=False, sequence=till.state.documents, previous=bytes(32)
        )  # fmt: skip
        with pytest.raises(Fault) as refused:
            await behind.submit(rival, sender=bench.sender(till), received_at=bench.now)
        assert refused.value.code == "TS-1403"
        assert [bytes(body) for (body,) in ledger.rows("SELECT body FROM intake.evidence")] == [rival]

    run_national(ledger, walk)
