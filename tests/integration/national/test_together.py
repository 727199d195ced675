"""Many documents of one connection at once: judged in order, booked together, a verdict each (S0-080, S0-090)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from ledger_bench import LedgerFolder
from national_bench import NationalBench, run_national

from benchmarks.national_till import NationalTill
from tallystick.authority.intake.national.pipeline import TOGETHER, NationalIntake
from tallystick.authority.intake.national.values import NationalAnswer
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms


async def together(
    bench: NationalBench, till: NationalTill, documents: Sequence[bytes], intake: NationalIntake | None = None
) -> list[str]:
    """What became of each: its place in the ledger, with ``=`` for a repetition, or the code of the fault."""
    outcomes = (intake or bench.intake).submit_all(
        documents, sender=bench.sender(till), clock=lambda: bench.now, channel=Channel.ECR_ONLINE
    )
    return [told(outcome) async for outcome in outcomes]


def told(outcome: NationalAnswer | Fault) -> str:
    if isinstance(outcome, Fault):
        return outcome.code
    return f"{'=' if outcome.replayed else ''}{outcome.signed.header.sequence}"


class Counted:
    """A sequencer that counts what it is asked."""

    def __init__(self, sequencer: Any) -> None:
        self._sequencer = sequencer
        self.asked: list[int] = []

    async def append(self, entry: Any) -> Any:
        self.asked.append(1)
        return await self._sequencer.append(entry)

    async def append_many(self, appends: Sequence[bytes]) -> Any:
        self.asked.append(len(appends))
        return await self._sequencer.append_many(appends)


def test_many_are_booked_in_few_frames_and_again_get_the_first_answers(ledger: LedgerFolder) -> None:
    async def walk(bench: NationalBench) -> None:
        till = await bench.opened()
        counted = bench.intake.walk.sequencer = Counted(bench.sequencer)
        documents = [till.sell(bench.now) for _ in range(TOGETHER + 5)]
        places = [str(number) for number in range(3, TOGETHER + 8)]
        assert await together(bench, till, documents) == places
        assert counted.asked == [TOGETHER, 5]
        tree = bench.tree()
        assert await together(bench, till, documents) == [f"={place}" for place in places]
        assert await together(bench, till, documents, bench.another_process()) == [f"={place}" for place in places]
        assert bench.tree() == tree
        assert await together(bench, till, []) == []

    run_national(ledger, walk)


def test_what_refers_to_another_of_the_bulk_waits_until_that_is_booked(ledger: LedgerFolder) -> None:
    """Its rest counts; a refund that is refused takes nothing, and nothing behind it is tried."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        documents = [till.sell(now), till.sell(now), till.refund(3, now, ["4.50"]), till.sell(now)]
        too_much = till.refund(3, now, ["1.30"], keep=False)
        assert await together(bench, till, [*documents, too_much, till.sell(now)]) == ["3", "4", "5", "6", "TS-2104"]
        till = await self_again(bench, till)
        assert await together(bench, till, [till.refund(3, now, ["1.20"]), till.report(now)]) == ["7", "8"]

    run_national(ledger, walk)


async def self_again(bench: NationalBench, till: NationalTill) -> NationalTill:
    """The till takes its place from the authority, as after any refusal."""
    standing = await bench.intake.standing(till.uid)
    till.state, till.link = standing.state, standing.link
    return till


@pytest.mark.parametrize("wrong", ["gap", "nonce", "time", "signature"])
def test_a_fault_in_the_middle_changes_nothing_behind_it(ledger: LedgerFolder, wrong: str) -> None:
    """Those before it are booked, and the place that is told counts them."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        good = [till.sell(now), till.sell(now)]
        changes: dict[str, dict[str, Any]] = {
            "gap": {"sequence": 7},
            "time": {"time_ms": unix_ms(now) - 600_000},
            "nonce": {"nonce": b"\5" * 16},
            "signature": {},
        }
        if wrong == "nonce":
            good.append(till.sign(till.receipt(), now, **changes["nonce"]))
        bad = till.sign(till.receipt(), now, keep=False, **changes[wrong])
        if wrong == "signature":
            bad = bad[:-10] + (b"A" if bad[-10:-9] != b"A" else b"B") + bad[-9:]
        codes = {"gap": "TS-1402", "nonce": "TS-1302", "time": "TS-1301", "signature": "TS-1312"}
        outcomes = [
            outcome
            async for outcome in bench.intake.submit_all(
                [*good, bad, till.sell(now)],
                sender=bench.sender(till),
                clock=lambda: bench.now,
                channel=Channel.ECR_ONLINE,
            )
        ]
        assert [told(one) for one in outcomes[:-1]] == [str(number) for number in range(3, 3 + len(good))]
        last = outcomes[-1]
        assert isinstance(last, Fault)
        assert last.code == codes[wrong]
        if wrong == "gap":
            assert (last.expected or {})["ts-seq"] == "5"
        till = await self_again(bench, till)
        assert await together(bench, till, [till.sell(now), till.report(now)]) == [
            str(3 + len(good)),
            str(4 + len(good)),
        ]

    run_national(ledger, walk)


def test_what_another_process_booked_meanwhile_is_found(ledger: LedgerFolder) -> None:
    """The same document is a repetition; another in its place is evidence, and what rests on it is not booked."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        other = bench.another_process()
        first = till.sell(now)
        assert await together(bench, till, [first], other) == ["3"]
        assert await together(bench, till, [first, till.sell(now)]) == ["=3", "4"]
        fork = till.sign(till.receipt(), now, keep=False)
        assert await together(bench, till, [till.sell(now)], other) == ["5"]
        before = bench.tree()
        twin = NationalTill(till.uid, till.tin, till.origin, till.link, state=till.state)
        twin.device = till.device
        assert await together(bench, till, [fork, twin.sell(now)]) == ["TS-1403"]
        assert ledger.rows("SELECT count(*) FROM intake.evidence WHERE signed_by = %s", till.uid) == [(1,)]
        assert bench.tree() != before, "the ledger says that there are two"

    run_national(ledger, walk)


def test_a_sequencer_that_goes_away_leaves_nothing_believed(ledger: LedgerFolder) -> None:
    """Nobody knows what became of them: the same bytes again, and what was not booked is booked now."""

    async def walk(bench: NationalBench) -> None:
        till, now = await bench.opened(), bench.now
        documents = [till.sell(now) for _ in range(3)]
        kept = bench.intake.walk.sequencer

        class Away:
            async def append_many(self, appends: Sequence[bytes]) -> None:
                await kept.append_many(appends[:1])
                raise Fault("TS-5007", detail="away")

        bench.intake.walk.sequencer = Away()  # type: ignore[assignment]  # it ends after the first of three
        assert await together(bench, till, documents) == ["TS-5007"] * 3
        bench.intake.walk.sequencer = kept
        assert await together(bench, till, documents) == ["=3", "4", "5"]

    run_national(ledger, walk)
