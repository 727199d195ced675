"""Whatever a register brings: stretches booked as they were opened leave what judging each by itself leaves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offline_memory import LONG_AGO, MemoryStores, book, country
from offline_register import CONTENTS, HEADERS, NOW, OTHERS, SHIFTS, TILL, begun, both_ways

from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline import fitting, opening, pipeline, run
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.opening import Arrival
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
from tallystick.kernel.offline_limits import Outage
from tallystick.kernel.sales_sum import SalesSum, sold
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

KINDS = (*CONTENTS, *HEADERS, *SHIFTS, *OTHERS)


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("first", [True, False])
def test_s0_062_booked_as_opened_is_booked_as_judged(what: str, first: bool) -> None:
    """Each thing that may be wrong with a document, at the head of a stretch and within: the same entries, flags,
    refusals, quarantine and counts on either way."""
    both_ways([what, "sale", "sale"] if first else ["sale", what, "sale", "sale"])


def outage_before(after: int, up_to: int) -> Outage:
    """One that was over before the documents were made, by their own word."""
    return Outage(since=NOW - LONG_AGO, until=NOW - timedelta(hours=21), after=after, up_to=up_to)


@pytest.mark.parametrize("outage", [(0, 3), (0, 4), (4, 5), (5, 9), (6, 9), (7, 9)])
def test_s0_032_what_came_late_is_late_on_either_way(outage: tuple[int, int]) -> None:
    """Numbers 4 to 6; the outage covers those after the first figure, up to the second."""
    after, up_to = outage
    ours = both_ways(["sale"] * 3, outages=[outage_before(after, up_to)])
    assert ours.tally.codes["TS-2404"] == len({4, 5, 6} & set(range(after + 1, up_to + 1)))


def test_k_15_what_was_made_in_an_outage_is_late_whatever_its_number_on_either_way() -> None:
    """The outage ends, with the country's window, between the first two documents and the others."""
    until = NOW - timedelta(hours=20) + timedelta(seconds=2 + 120 + 3.5)
    ours = both_ways(["sale"] * 4, outages=[Outage(since=NOW - LONG_AGO, until=until, after=0, up_to=0)])
    assert ours.tally.codes["TS-2404"] == 2


def test_s1_028_the_last_of_a_stretch_may_be_too_late_for_its_shift() -> None:
    """A shift that is open for 24 hours in the midst of a stretch: sold after that, booked with the code."""
    sales = ["sale", "a day later", "sale", "sale"]
    ours = both_ways(sales, hours_ago=28)
    assert ours.tally.codes["TS-2408"] == 1


def test_ts_2005_sums_that_no_report_could_say_are_found_on_either_way() -> None:
    assert both_ways(["huge", "sale", "sale", "huge"]).tally.codes == {"TS-2005": 1}


def test_s0_064_what_a_revoked_signer_closed_is_apart_on_either_way() -> None:
    assert both_ways(["sale"] * 3, revoked=True).tally.codes == {"TS-2403": 3}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.one_of(st.just("sale"), st.sampled_from(KINDS)), min_size=1, max_size=24), st.integers(1_000, 12_000)
)
def test_s0_062_whatever_stands_in_a_batch(whats: list[str], block_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_BYTES", block_bytes)
        both_ways(whats)


def test_s0_062_other_processes_open_what_the_own_one_opens() -> None:
    """Country pack, rates and documents travel there, and what they find comes back."""
    sales = ["sale"] * 12
    ours = both_ways([*sales, "tax", *sales, "refund", "close", "open", *sales, "signature", *sales], processes=1)
    assert ours.tally.codes == Counter({"TS-2002": 1, "TS-2102": 1, "TS-1312": 1, "TS-1402": len(sales)})


@pytest.mark.soak
def test_a_process_that_dies_costs_one_attempt() -> None:
    """The batch is put off (TS-5099) and comes again, to processes that are started anew."""
    register, standing = begun()
    for _ in range(3):
        register.make("sale")
    rules, sender = country(TILL, MemoryStores(standing), NOW)
    devices = rules.national.devices
    certificate = devices.certificate(sender.certificate_hash)
    assert certificate is not None
    signers = {sender.certificate_hash: certificate.public_key.spki}
    arrival = Arrival(sender=sender, device=devices.device(TILL.uid), signers=signers, received_at=NOW)
    text = b"".join([one + b"\n" for one in register.made])

    async def walk() -> list[str]:
        outcomes, openers = [], Openers(rules, 2)
        await openers.start()
        assert openers._pool is not None
        assert len(openers._pool._processes) == 2
        for process in openers._pool._processes.values():
            process.kill()
        for _ in range(2):
            try:
                outcomes.append(str(len(await openers.open(arrival, text))))
            except Fault as fault:
                outcomes.append(fault.code)
        openers.close()
        return outcomes

    assert asyncio.run(walk()) == ["TS-5099", "1"]


@pytest.mark.soak
def test_helpers_end_with_the_process_that_is_killed() -> None:
    code = (
        "import asyncio, time; import test_offline_ways as t; from offline_memory import MemoryStores, country\n"
        "async def main():\n"
        "    openers = t.Openers(country(t.TILL, MemoryStores(t.begun()[1]), t.NOW)[0], 2)\n"
        "    await openers.start()\n"
        "    print(*openers._pool._processes, flush=True); time.sleep(60)\n"
        "asyncio.run(main())"
    )
    paths = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as owner:
        assert owner.stdout is not None
        helpers = [Path(f"/proc/{pid}") for pid in owner.stdout.readline().split()]
        assert len(helpers) == 2
        owner.kill()
    until = time.monotonic() + 20
    while any(one.exists() for one in helpers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(one.exists() for one in helpers)


def test_a_plain_day_goes_on_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise nothing would have been won: each receipt is read once, where it is opened."""
    alone_taken: list[bytes] = []
    take = run.BatchRun._take

    async def counted(self: run.BatchRun, compact: bytes, *more: Any) -> None:
        alone_taken.append(compact)
        await take(self, compact, *more)

    monkeypatch.setattr(run.BatchRun, "_take", counted)
    register, standing = begun()
    for what in [*["sale"] * 150, "close"]:
        register.make(what)
    ours = book(TILL, standing, register.made, NOW)
    assert (ours.tally.booked, ours.tally.flagged, len(alone_taken)) == (151, 0, 1)


def test_a_doubt_of_the_sequencer_ends_the_run() -> None:
    """What was sent is not believed to be booked: the batch is booked again, and finds what is there."""
    for fails_at in (4, 30, 73):
        with pytest.raises(Fault, match="TS-5003"):
            both_ways(["sale"] * 70, fails_at=fails_at)


def test_what_is_on_its_way_is_bounded() -> None:
    """Whatever a batch holds, other channels wait behind so many documents of it at most."""
    for what in ("sale", "tax"):
        register, standing = begun()
        for _ in range(200):
            register.make(what)
        ours = book(TILL, standing, register.made, NOW, share=100)
        assert (ours.tally.booked, ours.in_flight_most <= 100) == (200, True)


def test_every_check_of_the_offline_channel_stands_in_one_group() -> None:
    """A check that is added must be asked by somebody: of the document alone, of its signer, place or references."""
    checks = NATIONAL_CHECKS[Channel.ECR_OFFLINE]
    groups = (opening.OF_THE_DOCUMENT, fitting.OF_THE_SIGNER, fitting.OF_THE_PLACE, fitting.OF_REFERENCES)
    asked = [check for group in groups for check in group]
    signature = [check for check in checks.proof if check.function is proving.signature_is_good]
    assert Counter(asked + signature) == Counter(checks.proof + checks.kept)


@given(st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line), min_size=1))
def test_blocks_are_whole_lines_and_bounded(lines: list[bytes]) -> None:
    text = b"".join([line + b"\n" for line in lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_BYTES", 20)
        cut = list(pipeline.blocks(text))
    assert b"".join(cut) == text
    assert all(block.endswith(b"\n") for block in cut)
    assert all(len(block) <= 20 or block.count(b"\n") == 1 for block in cut)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["sale", "card", "form", "tax"]), max_size=8))
def test_a_sum_of_sales_is_the_fold_of_them(whats: list[str]) -> None:
    (register, _), sums = begun(), SalesSum()
    register.make("refund")
    before = register.state
    for what in whats:
        register.make(what)
        sale = read_document(read_signed(register.made[-1]).payload).sale
        assert sale is not None
        sums.add(sale)
    assert sold(before, sums, register.state.documents) == register.state
