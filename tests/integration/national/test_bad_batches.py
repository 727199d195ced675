"""Batches that are wrong in every way, and a process that dies: nothing of what buyers hold is thrown away (4.1)."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from batch_bench import BatchBench, batches, code_of, first_day, run_batches
from ledger_bench import LedgerFolder

from tallystick.authority.channels.ecr.batches import operations
from tallystick.authority.intake.national.offline.readmitting import ReadmissionRules, entry_anew
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed
from tallystick.wire.offline_batch import make_manifest, read_manifest, split_parts


def test_ts_2409_a_z_that_differs_by_the_smallest_unit_is_booked_with_its_flag(batch_ledger: LedgerFolder) -> None:
    """The receipts under it are in buyers' hands; the next shift goes on from what the report says."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        right = till.state.report(4)
        wrong = attrs.evolve(right, cash=Money(right.cash.scaled + 1))
        closing = till.sign(till.document(DocumentKind.SHIFT_CLOSING, wrong, 1), at, keep=False)
        receipt = await bench.deliver(till, [*documents, closing])
        assert (receipt["booked"], receipt["flagged"]) == ("4", "1")
        assert bench.codes(till, 3, 4) == [(), ("TS-2409",)]

    run_batches(batch_ledger, walk)


def test_ts_2410_parts_missing_altered_or_of_another_root(batch_ledger: LedgerFolder) -> None:
    """Nothing is booked, what came is kept, and the right part heals it."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        sealed = bench.seal(till, first_day(till, bench), part_bytes=4_000)
        assert code_of(bench.put, till, sealed, 1) == "TS-3282"
        assert code_of(bench.close, till, sealed.manifest) == "TS-3282"
        bench.announce(till, sealed)
        for number in range(2, len(sealed.parts) + 1):
            assert bench.put(till, sealed, number)
        assert code_of(bench.close, till, sealed.manifest) == "TS-2410"
        assert code_of(bench.put, till, sealed, 2, sealed.parts[0]) == "TS-2410"
        assert not bench.put(till, sealed, 2)
        assert bench.put(till, sealed, 1)
        manifest = read_manifest(sealed.manifest).manifest
        for changed in (
            attrs.evolve(manifest, root=bytes(32)),
            attrs.evolve(manifest, parts=manifest.parts[::-1]),
            attrs.evolve(manifest, parts=manifest.parts[:-1]),
            attrs.evolve(manifest, first=2, documents=manifest.documents - 1),
        ):
            assert code_of(bench.close, till, bench.sign(till, changed, till.link)) == "TS-2410"
        assert code_of(bench.close, till, bench.sign(till, manifest, bytes(32))) == "TS-2410"
        assert await bench.book() == 0
        bench.close(till, sealed.manifest)
        await bench.book()
        assert bench.receipt(till, sealed)["booked"] == "8"
        assert code_of(bench.put, till, sealed, len(sealed.parts) + 1, sealed.parts[0]) == "TS-3283"
        other = bench.sign(till, manifest, till.link)
        assert code_of(bench.close, till, other) == "TS-3283"

    run_batches(batch_ledger, walk)


def test_ts_1313_a_part_of_another_device_and_ts_2405_of_another_class(batch_ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench) -> None:
        till, other = await bench.register(), await bench.register()
        soft = await bench.bench.till("SOFT0001")
        sealed = bench.seal(till, first_day(till, bench))
        strange = bench.seal(other, first_day(other, bench))
        bench.announce(till, sealed)
        assert code_of(bench.put, till, sealed, 1, strange.parts[0]) == "TS-1313"
        assert code_of(bench.put, other, sealed, 1, strange.parts[0]) == "TS-3282"
        bench.put(till, sealed, 1)
        manifest = read_manifest(sealed.manifest).manifest
        stolen = bench.sign(other, manifest, till.link, device=till.uid)
        assert code_of(bench.close, till, stolen) == "TS-1313"
        assert code_of(bench.close, till, sealed.manifest[:-4] + b"AAAA") in ("TS-1312", "TS-1201")
        elsewhere = bench.sign(till, manifest, till.link, audience="fdo.example/other")
        assert code_of(bench.close, till, elsewhere) == "TS-1108"
        offline = bench.seal(soft, first_day(soft, bench))
        assert code_of(bench.close, soft, offline.manifest) == "TS-2405"
        [registration, *_] = offline.parts[0].splitlines()
        assert await bench.bench.code(soft, registration, Channel.ECR_OFFLINE) == "TS-2405"
        assert await bench.book() == 0

    run_batches(batch_ledger, walk)


def test_ts_1402_a_batch_is_missing_between(batch_ledger: LedgerFolder) -> None:
    """The later one waits until the earlier one has come; its parts are kept."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        first = bench.seal(till, first_day(till, bench, 2))
        head = till.link
        second = bench.seal(till, till.day(bench.now, 2))
        bench.announce(till, second)
        bench.put(till, second, 1)
        with pytest.raises(Exception, match="TS-1402") as caught:
            bench.close(till, second.manifest)
        assert caught.value.expected["ts-seq"] == "1"  # type: ignore[attr-defined]
        bench.bring(till, first)
        bench.close(till, second.manifest)
        assert await bench.book() == 2
        assert [bench.receipt(till, one)["booked"] for one in (first, second)] == ["5", "4"]
        assert head != till.link

    run_batches(batch_ledger, walk)


def test_two_batches_overlap(batch_ledger: LedgerFolder) -> None:
    """The same documents in another batch are found booked; each batch has its receipt."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        day = first_day(till, bench, 3)
        later = till.day(bench.now, 2)
        await bench.deliver(till, day)
        before = bench.bench.tree()
        again = await bench.deliver(till, day)
        assert again["booked"] == "6"
        assert bench.bench.tree() == before
        receipt = await bench.deliver(till, [*day[3:], *later])
        assert (receipt["booked"], receipt["first"], receipt["last"]) == ("7", "4", "10")

    run_batches(batch_ledger, walk)


def test_ts_1403_a_memory_restored_from_an_old_image_is_evidence(batch_ledger: LedgerFolder) -> None:
    """The fork is kept whole: what contradicts as evidence, what goes on from it apart; the device stops."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        day = first_day(till, bench, 2)
        state, link = till.state, till.link
        first = till.day(bench.now, 1)
        await bench.deliver(till, [*day, *first])
        till.state, till.link = state, link
        fork = till.day(bench.now, 3)
        receipt = await bench.deliver(till, fork)
        assert (receipt["booked"], receipt["doubled"], receipt["apart"]) == ("0", "3", "2")
        kept = batch_ledger.rows("SELECT ordinal FROM intake.evidence WHERE signed_by = %s ORDER BY 1", till.uid)
        assert kept == [(6,), (7,), (8,)]
        assert bench.apart(till) == [(9, ["TS-1402"]), (10, ["TS-1402"])]
        assert bench.matters(till) == ["batch-apart"]

    run_batches(batch_ledger, walk)


def test_a_build_withdrawn_in_the_middle_is_judged_per_document(batch_ledger: LedgerFolder) -> None:
    """Arrived before: as ever. Made before by its own word: a flag. Made after: apart, and what follows with it."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        sealed = bench.seal(till, documents)
        bench.announce(till, sealed)
        bench.put(till, sealed, 1)
        bench.later(minutes=10)
        before = till.sell(at + timedelta(minutes=9))
        bench.withdrawals.at[till.build] = bench.now
        bench.bench.registry.builds.clear()
        after = till.sell(at + timedelta(minutes=11))
        closing = till.report(at + timedelta(minutes=12))
        bench.later(minutes=10)
        [rest] = split_parts([before, after, closing])
        bench.put(till, sealed, 2, rest)
        signed = [read_signed(one) for one in [*documents, before, after, closing]]
        bench.close(till, bench.sign(till, make_manifest(sealed.batch, signed, [sealed.parts[0], rest]), till.link))
        await bench.book()
        receipt = bench.receipt(till, sealed)
        assert (receipt["booked"], receipt["flagged"], receipt["apart"]) == ("4", "1", "2")
        assert bench.codes(till, 3, 4) == [(), ("TS-2406",)]
        assert bench.apart(till) == [(5, ["TS-2406"]), (6, ["TS-2406", "TS-1402"])]

    run_batches(batch_ledger, walk)


def test_a_signature_that_is_wrong_does_not_take_the_good_ones_with_it(batch_ledger: LedgerFolder) -> None:
    """The good ones before it are booked, it is refused, and what follows waits apart; in other processes, too.

    What follows waits until two officers settle the place: its link rests on what is not there.
    """

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = first_day(till, bench, 4)
        spoilt = documents[4][:-8] + b"AAAAAAAA"
        state, link = till.state, till.link
        receipt = await bench.deliver(till, [*documents[:4], spoilt, *documents[5:]])
        assert (receipt["booked"], receipt["refused"], receipt["apart"]) == ("4", "1", "2")
        assert batch_ledger.rows("SELECT code FROM intake.refused WHERE token_uid = %s", till.uid) == [("TS-1312",)]
        assert (till.state, till.link) == (state, link)
        rules = ReadmissionRules(national=bench.bench.rules, history=bench.withdrawals)
        for number in (6, 7):
            with pytest.raises(Fault, match="TS-3041") as hindered:
                await entry_anew(rules, bench.held(till, number), Channel.ECR_OFFLINE)
            assert "TS-1402" in hindered.value.detail
        assert await bench.bench.code(till, till.open_shift(bench.now)) == "TS-1402"

    async def all_of_it() -> None:
        async with batches(batch_ledger, processes=1) as bench:
            await walk(bench)

    asyncio.run(all_of_it())


def test_ts_2407_a_device_on_hold_and_bounds(batch_ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        bench.bench.registry.change(till.uid, state=DeviceState.HOLD)
        bench.bring(till, bench.seal(till, first_day(till, bench, 1)))
        assert (await bench.book(), bench.apart(till)) == (0, []), "it waits for the end of the hold"
        bench.bench.registry.change(till.uid, state=DeviceState.ACTIVE)
        assert await bench.book() == 1
        for _ in range(4):
            bench.announce(till, bench.seal(till, [till.open_shift(bench.now), till.report(bench.now)]))
        last = bench.seal(till, [till.open_shift(bench.now), till.report(bench.now)])
        assert code_of(bench.announce, till, last) == "TS-3284"
        sender = bench.bench.sender(till)
        number = operations.read_new_part
        assert code_of(number, sender, 0, last.parts[0], bench.now) == "TS-2410"
        assert code_of(number, sender, 1, b"x\n", bench.now) == "TS-1201"
        assert code_of(number, sender, 1, last.parts[0][:-1], bench.now) == "TS-3281"
        assert code_of(number, sender, 1, b"x" * (1024 * 1024 + 1), bench.now) == "TS-1003"
        swapped = b"".join(line + b"\n" for line in last.parts[0].split(b"\n")[1::-1])
        assert code_of(number, sender, 1, swapped, bench.now) == "TS-3281"
        no_report = bench.seal(till, [till.open_shift(bench.now)])
        bench.run(lambda conn: conn.execute("DELETE FROM batches.batch WHERE state = 'open'"))
        bench.announce(till, no_report)
        bench.put(till, no_report, 1)
        assert code_of(bench.close, till, no_report.manifest) == "TS-2409"

    run_batches(batch_ledger, walk)


def test_nothing_is_lost_over_kill_9(batch_ledger: LedgerFolder) -> None:
    """The booking process dies in the middle; another one finds what is booked, and goes on where it stopped."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        sealed = bench.seal(till, first_day(till, bench, 600), part_bytes=60_000)
        bench.bring(till, sealed)
        arguments = [str(batch_ledger.folder), batch_ledger.dsn, till.uid, till.tin, till.certificate.hex()]
        program = str(Path(__file__).parents[2] / "support" / "batch_booker.py")
        paths = os.pathsep.join([str(Path(program).parent), str(Path.cwd())])
        process = await asyncio.create_subprocess_exec(
            sys.executable, program, *arguments, env={**os.environ, "PYTHONPATH": paths}
        )

        def booked() -> int:
            return int(batch_ledger.rows("SELECT count(*) FROM ledger.identity WHERE signed_by = %s", till.uid)[0][0])

        while booked() < 40:
            assert process.returncode is None
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
        assert booked() < 603
        assert await bench.book() == 0  # the dead one holds it still
        bench.later(minutes=2)
        assert await bench.book() == 1
        receipt = bench.receipt(till, sealed)
        assert (receipt["booked"], receipt["flagged"], receipt["codes"]) == ("603", "0", {})
        assert booked() == 603

    run_batches(batch_ledger, walk)
