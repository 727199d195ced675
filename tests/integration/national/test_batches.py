"""The offline channel: S0-061 to S0-065, S0-093 to S0-097, K-05, K-15, K-21, K-24; bad batches of every kind."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from batch_bench import BatchBench, first_day, run_batches
from ledger_bench import LedgerFolder

from tallystick.authority.channels.ecr.batches import queries
from tallystick.authority.intake.national.offline.readmitting import ReadmissionRules, entry_anew
from tallystick.authority.ledger.entry import Channel, LeafFlag
from tallystick.kernel.channel_rules import LateDocuments
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed
from tallystick.wire.leaf import read_leaf
from tallystick.wire.offline_batch import make_manifest, split_parts


def test_s0_062_a_batch_with_its_z_report_is_booked_once(batch_ledger: LedgerFolder) -> None:
    """Every repetition of announcement, part, closing and question gets the same answer; the sweep finds nothing."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = first_day(till, bench)
        sealed = bench.seal(till, documents, part_bytes=4_000)
        assert len(sealed.parts) > 1
        first = bench.bring(till, sealed)
        assert bench.bring(till, sealed) == first
        assert await bench.book() == 1
        receipt = bench.receipt(till, sealed)
        assert (receipt["booked"], receipt["flagged"], receipt["apart"]) == ("8", "0", "0")
        assert (receipt["first"], receipt["last"], receipt["codes"]) == ("1", "8", {})
        [(link, lowest, highest)] = batch_ledger.rows(
            "SELECT h.link, min(i.log_index), max(i.log_index) FROM ledger.device_heads h"
            " JOIN ledger.identity i USING (signed_by) WHERE signed_by = %s GROUP BY 1",
            till.uid,
        )
        assert link == till.link
        assert (receipt["first_index"], receipt["last_index"]) == (str(lowest), str(highest))
        before = bench.bench.tree()
        bench.bring(till, sealed)
        assert await bench.book() == 0
        assert bench.receipt(till, sealed) == receipt
        assert bench.bench.tree() == before
        assert bench.matters(till) == []

    run_batches(batch_ledger, walk)


def test_k_24_parts_travel_before_and_an_interim_seal_closes(batch_ledger: LedgerFolder) -> None:
    """Sold in the morning, sent in the background, sealed in the middle of the shift; the next batch ends it."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        early = bench.seal(till, documents)  # its manifest is thrown away: only the part travels
        bench.announce(till, early)
        bench.put(till, early, 1)
        later = [till.sell(at), till.report(at, DocumentKind.STATUS)]
        [second] = split_parts(later)
        bench.put(till, early, 2, second)
        signed = [read_signed(one) for one in documents + later]
        manifest = make_manifest(early.batch, signed, [early.parts[0], second])
        bench.close(till, bench.sign(till, manifest, till.link))
        await bench.book()
        assert bench.receipt(till, early)["booked"] == "5"
        receipt = await bench.deliver(till, [till.sell(at), till.report(at)])
        assert (receipt["booked"], receipt["flagged"]) == ("2", "0")

    run_batches(batch_ledger, walk)


def test_k_21_returns_are_checked_within_the_batch_and_a_mismatch_is_booked(batch_ledger: LedgerFolder) -> None:
    """An original of the same batch is found; more than was paid is booked with a flag, and somebody sees it."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        documents += [till.refund(3, at, ["1.20"]), till.refund(3, at, ["4.50"]), till.refund(3, at, ["0.10"])]
        documents += [till.refund(99, at, ["1.00"])]
        documents += [till.sell(at) for _ in range(300)]  # on their way when the last of them is given back
        documents += [till.refund(307, at, ["1.20"]), till.report(at)]
        receipt = await bench.deliver(till, documents)
        assert (receipt["booked"], receipt["flagged"]) == ("309", "2")
        assert bench.codes(till, 4, 5, 6, 7, 308) == [(), (), ("TS-2104",), ("TS-2102",), ()]
        assert bench.matters(till) == ["refund-contradicts"]
        assert await bench.bench.code(till, till.open_shift(at), Channel.ECR_ONLINE) == ""
        assert await bench.bench.code(till, till.refund(3, at, ["0.10"], keep=False)) == "TS-2104"

    run_batches(batch_ledger, walk)


def test_s0_064_a_revoked_signer_puts_the_whole_batch_apart(batch_ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = first_day(till, bench, 300)
        bench.bench.registry.change_certificate(till, revoked_at=bench.now, revocation_reason=1)
        receipt = await bench.deliver(till, documents)
        assert (receipt["booked"], receipt["apart"], receipt["codes"]) == ("0", "303", {"TS-2403": "303"})
        assert bench.apart(till) == [(number, ["TS-2403"]) for number in range(1, 304)]
        assert batch_ledger.rows("SELECT count(*) FROM intake.quarantine WHERE entry_index IS NULL") == [(0,)]
        assert bench.matters(till) == ["batch-apart"]

    run_batches(batch_ledger, walk)


@pytest.mark.parametrize("late", list(LateDocuments))
def test_s0_032_beyond_the_limit_it_is_a_case(batch_ledger: LedgerFolder, late: LateDocuments) -> None:
    """Measured by our clock: a clock set forward hides nothing, for the device was not heard of (K-15)."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        await bench.deliver(till, first_day(till, bench, 1))
        bench.later(hours=80)
        documents = till.day(bench.now - timedelta(hours=1), 2)  # the clock says that it is of today
        receipt = await bench.deliver(till, documents)
        expected = ("4", "4", "0") if late is LateDocuments.BOOKED else ("0", "0", "4")
        assert (receipt["booked"], receipt["flagged"], receipt["apart"]) == expected
        assert receipt["codes"]["TS-2404"] == "4"
        assert "offline-too-long" in bench.matters(till)
        if late is LateDocuments.BOOKED:
            leaves = batch_ledger.rows("SELECT leaf FROM ledger.leaves ORDER BY log_index DESC LIMIT 1")
            assert read_leaf(leaves[0][0]).flags & LeafFlag.LATE
            bench.later(hours=1)
            fresh = await bench.deliver(till, till.day(bench.now, 1))
            assert fresh["flagged"] == "0"

    run_batches(batch_ledger, walk, late=late)


def test_k_15_a_clock_set_back_stretches_nothing(batch_ledger: LedgerFolder) -> None:
    """The order is the sequence; times that go back are told, and what is old by its own word is late."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        documents += [till.sell(at - timedelta(hours=100)), till.sell(at), till.report(at)]
        receipt = await bench.deliver(till, documents)
        assert bench.codes(till, 3, 4, 5, 6) == [(), ("TS-3286", "TS-2404"), (), ()]
        assert receipt["booked"] == "6"
        assert bench.matters(till) == ["clock-contradicts", "offline-too-long"]
        assert await bench.deliver(till, till.day(bench.now + timedelta(hours=3), 1))
        assert bench.codes(till, 7, 8, 9) == [("TS-3286",)] * 3

    run_batches(batch_ledger, walk)


def test_k_15_the_rolling_limit(batch_ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        flagged = []
        documents = first_day(till, bench, 1)
        for _ in range(4):
            flagged.append((await bench.deliver(till, documents))["flagged"])
            bench.later(hours=30)
            documents = till.day(bench.now, 1)
        assert flagged == ["0", "0", "0", "3"]

    run_batches(batch_ledger, walk, rolling_hours=80, rolling_days=7)


def test_a_head_that_went_back_is_a_case(batch_ledger: LedgerFolder) -> None:
    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = first_day(till, bench, 2)
        head = (till.state.documents, till.link)
        assert bench.report_head(till, *head, waiting=5, oldest=bench.now) == ""
        known = bench.run(lambda conn: queries.contact(conn, till.uid))
        assert known is not None
        assert (known.sequence, known.link, known.waiting) == (5, till.link, 5)
        assert bench.report_head(till, 4, bytes(32)) == "TS-3285"
        assert bench.report_head(till, 5, bytes(32)) == "TS-3285"
        assert bench.report_head(till, *head) == ""
        assert bench.matters(till) == ["head-went-back"] * 2
        await bench.deliver(till, documents)

    run_batches(batch_ledger, walk)


def test_s0_097_a_number_is_on_its_way_until_its_batch_is_booked(batch_ledger: LedgerFolder) -> None:
    """Announced, it is with its device; with a part it is here; booked, the ledger has it."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = first_day(till, bench, 2)
        sealed = bench.seal(till, documents)

        def is_here(sequence: int = 3, document: int = 3) -> bool:
            act_hash = read_signed(documents[document - 1]).act_hash
            return bench.run(lambda conn: queries.is_here(conn, till.uid, sequence, act_hash))

        bench.announce(till, sealed)
        assert not is_here()
        bench.put(till, sealed, 1)
        assert [is_here(number, number) for number in range(1, 6)] == [True] * 5
        assert not is_here(99)
        assert not is_here(3, 4), "another act under that number"
        bench.close(till, sealed.manifest)
        assert is_here()
        await bench.book()
        assert not is_here()

    run_batches(batch_ledger, walk)


def test_a_refused_document_on_line_comes_with_the_batch(batch_ledger: LedgerFolder) -> None:
    """S0-077, S0-094: hardware may show its documents on line; what is refused there lies in its memory, and comes."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at)]
        for one in documents:
            await bench.bench.send(till, one)
        sale = till.sale(["4.50"])
        wrong = attrs.evolve(sale, payments=(attrs.evolve(sale.payments[0], amount=Money.of("4.51")),))
        compact = till.sell(at, wrong)
        assert await bench.bench.code(till, compact) == "TS-2003"
        receipt = await bench.deliver(till, [compact, till.report(at)])
        assert (receipt["booked"], receipt["flagged"]) == ("2", "1")
        assert bench.codes(till, 3, 4) == [("TS-2003",), ()]
        assert await bench.bench.code(till, till.open_shift(bench.now)) == ""

    run_batches(batch_ledger, walk)


def test_k_05_re_admission_in_order_by_anchors(batch_ledger: LedgerFolder) -> None:
    """Of a revoked device's batch, what had arrived or was reported before the revocation may be booked, in order."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        at = bench.now
        documents = [till.register(at), till.open_shift(at), till.sell(at)]
        sealed = bench.seal(till, documents)
        bench.announce(till, sealed)
        bench.put(till, sealed, 1)
        more = [till.sell(at), till.sell(at)]
        bench.later(minutes=1)
        assert bench.report_head(till, 4, read_signed(more[1]).header.previous) == ""
        bench.later(minutes=1)
        revoked_at = bench.now
        bench.bench.registry.change_certificate(till, revoked_at=revoked_at, revocation_reason=1)
        bench.later(minutes=1)
        closing = till.report(at)
        [rest] = split_parts([*more, closing])
        bench.put(till, sealed, 2, rest)
        signed = [read_signed(one) for one in [*documents, *more, closing]]
        bench.close(till, bench.sign(till, make_manifest(sealed.batch, signed, [sealed.parts[0], rest]), till.link))
        await bench.book()
        assert [codes for _, codes in bench.apart(till)] == [["TS-2403"]] * 6
        rules = ReadmissionRules(national=bench.bench.rules, history=bench.withdrawals)
        held = {number: bench.held(till, number) for number in range(1, 7)}
        found = {number: bench.standing(one, revoked_at) for number, one in held.items()}
        assert [found[number].best is not None for number in range(1, 7)] == [True] * 4 + [False] * 2
        assert [one.best is None or one.best.supposes_intact_card for one in found.values()] == [
            False, False, False, False, True, True,
        ]  # fmt: skip
        with pytest.raises(Exception, match="TS-3041") as caught:
            await entry_anew(rules, held[2], Channel.ECR_OFFLINE)
        assert "TS-1402" in caught.value.detail  # type: ignore[attr-defined]
        for number in range(1, 5):
            entry = await entry_anew(rules, held[number], Channel.ECR_OFFLINE)
            booked = await bench.bench.sequencer.append(entry)
            assert not booked.duplicate
        assert bench.codes(till, 3, 4) == [(), ("TS-1104",)]

    run_batches(batch_ledger, walk)
