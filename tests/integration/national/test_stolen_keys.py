"""What whoever holds a register's key may not do: age what he makes, speak for the device once the key is revoked."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from batch_bench import BatchBench, code_of, run_batches
from ledger_bench import LedgerFolder

from benchmarks.national_till import NationalTill
from benchmarks.signed_documents import SoftwareDevice
from tallystick.authority.channels.ecr.batches import operations, queries
from tallystick.authority.channels.ecr.batches.values import OPEN_MOST
from tallystick.authority.intake.anchors import AnchorKind
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.hashing import sha256
from tallystick.wire.document_jws import read_signed


def revoke(bench: BatchBench, till: NationalTill) -> None:
    """The key that the register has now is revoked; its device goes on with another one."""
    bench.bench.registry.change_certificate(till, revoked_at=bench.now, revocation_reason=1)


def with_a_new_key(bench: BatchBench, till: NationalTill) -> NationalTill:
    """The same register with the key that it was given in place of the stolen one."""
    new = NationalTill(till.uid, till.tin, till.origin, link=till.link, state=till.state)
    new.device = SoftwareDevice(till.uid, till.tin, till.origin)
    known = bench.bench.registry.devices[till.uid]
    bench.bench.registry.enter(new, DeviceClass.HARDWARE, bench.now)
    bench.bench.registry.devices[till.uid] = known
    return new


def test_k_05_a_head_that_was_made_up_shows_no_age(batch_ledger: LedgerFolder) -> None:
    """A thief reports a head far ahead while the key is good, and makes the documents under it later."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        assert bench.report_head(till, 4_000_000, os.urandom(32)) == ""
        bench.later(minutes=1)
        revoked_at = bench.now
        revoke(bench, till)
        bench.later(minutes=1)
        backdated = bench.now - timedelta(hours=1)
        await bench.deliver(till, [till.register(backdated), *till.day(backdated, 2)])
        for number in range(1, 6):
            found = bench.standing(bench.held(till, number), revoked_at)
            assert found.best is None, f"{number}: {found.best}"

    run_batches(batch_ledger, walk)


def test_k_05_documents_brought_for_their_numbers_show_no_age_of_others(batch_ledger: LedgerFolder) -> None:
    """Before the revocation a thief has numbers 1 to 5 lie apart; what he makes under 1 to 4 afterwards is no older."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        start = till.link, till.state
        till.link = os.urandom(32)
        await bench.deliver(till, [till.register(bench.now), *till.day(bench.now, 2)])
        assert len(bench.apart(till)) == 5
        bench.later(minutes=1)
        revoked_at = bench.now
        revoke(bench, till)
        bench.later(minutes=1)
        till.link, till.state = start
        made_up = [till.register(bench.now), *till.day(bench.now, 1)]
        await bench.deliver(till, made_up)
        acts = "SELECT act_hash FROM intake.quarantine WHERE signed_by = %s AND received_at > %s"
        late = {row[0] for row in bench.bench.ledger.rows(acts, till.uid, revoked_at)}
        assert late == {read_signed(one).act_hash for one in made_up}
        for act_hash in late:
            assert bench.standing(bench.held_act(act_hash), revoked_at).best is None

    run_batches(batch_ledger, walk)


def test_k_05_a_link_that_came_shows_all_documents_under_it(batch_ledger: LedgerFolder) -> None:
    """The honest register: its head was reported, and a later part arrived, before it was revoked."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        documents = [till.register(bench.now), till.open_shift(bench.now), till.sell(bench.now)]
        assert bench.report_head(till, 3, till.link) == ""
        more = [till.sell(bench.now), till.sell(bench.now), till.report(bench.now)]
        sealed = bench.seal(till, [*documents, *more], part_bytes=len(documents[0]) + 200)
        bench.announce(till, sealed)
        bench.put(till, sealed, 5)
        bench.later(minutes=1)
        revoked_at = bench.now
        revoke(bench, till)
        bench.later(minutes=1)
        for number in (1, 2, 3, 4, 6):
            bench.put(till, sealed, number)
        bench.close(till, sealed.manifest)
        await bench.book()
        best = [bench.standing(bench.held(till, number), revoked_at).best for number in range(1, 7)]
        assert [None if one is None else one.kind for one in best] == [
            *[AnchorKind.CHAIN] * 4, AnchorKind.OWN_ENTRY, None,
        ]  # fmt: skip

    run_batches(batch_ledger, walk)


def test_s0_064_a_revoked_key_speaks_for_its_device_no_more(batch_ledger: LedgerFolder) -> None:
    """Heads, contacts, open batches and places of the register do not move by what a stolen key says."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        first = [till.register(bench.now), *till.day(bench.now, 2)]
        await bench.deliver(till, first)
        thief = NationalTill(till.uid, till.tin, till.origin, link=till.link, state=till.state)
        thief.device = till.device
        bench.later(minutes=1)
        revoke(bench, till)
        own = with_a_new_key(bench, till)
        open_by_device = bench.seal(own, own.day(bench.now, 1))
        bench.announce(own, open_by_device)
        before = bench.run(lambda conn: queries.contact(conn, till.uid))
        bench.later(hours=1)

        assert bench.report_head(thief, 4_000_000, os.urandom(32)) == ""
        assert code_of(bench.put, thief, open_by_device, 1) == "TS-3282"
        sender = bench.sender(thief)
        assert code_of(
            lambda: bench.run(lambda conn: operations.withdraw(conn, sender, open_by_device.batch))
        ) == "TS-3282"  # fmt: skip
        for _ in range(OPEN_MOST - 1):
            bench.announce(thief, bench.seal(thief, [thief.sign(thief.receipt(), bench.now, keep=False)]))
        again = bench.seal(thief, thief.day(bench.now, 1))
        bench.bring(thief, again)
        await bench.book()
        assert bench.run(lambda conn: queries.contact(conn, till.uid)) == before

        bench.announce(own, bench.seal(own, [own.sign(own.receipt(), bench.now, keep=False)]))
        assert bench.report_head(own, own.state.documents, own.link) == ""
        assert bench.matters(till) == ["batch-apart"]
        bench.put(own, open_by_device, 1)

    run_batches(batch_ledger, walk)


def test_ts_1403_a_revoked_key_stops_no_register(batch_ledger: LedgerFolder) -> None:
    """Another document in a booked place, signed by a key that is revoked: apart like all of it, no evidence."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        start = till.link, till.state
        await bench.deliver(till, [till.register(bench.now), *till.day(bench.now, 2)])
        tip = till.link, till.state
        bench.later(minutes=1)
        revoke(bench, till)
        till.link, till.state = start
        receipt = await bench.deliver(till, [till.register(bench.now), *till.day(bench.now, 2)])
        assert receipt["apart"] == "5"
        assert bench.apart(till)[0] == (1, ["TS-2403", "TS-1403"])
        assert bench.bench.registry.devices[till.uid].state is DeviceState.ACTIVE
        assert bench.bench.ledger.rows("SELECT count(*) FROM intake.evidence WHERE signed_by = %s", till.uid) == [(0,)]
        own = with_a_new_key(bench, till)
        own.link, own.state = tip
        receipt = await bench.deliver(own, own.day(bench.now, 1))
        assert (receipt["booked"], receipt["apart"]) == ("3", "0")
        assert sha256(own.certificate) != sha256(till.certificate)

    run_batches(batch_ledger, walk)


def test_ts_1404_a_revoked_key_below_the_head_is_apart_in_a_batch_of_a_good_one(batch_ledger: LedgerFolder) -> None:
    """The sequence goes back in a batch that the new key closes: what the old one signed waits, the device goes on."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        await bench.deliver(till, [till.register(bench.now), *till.day(bench.now, 2)])
        bench.later(minutes=1)
        revoke(bench, till)
        own = with_a_new_key(bench, till)
        own.link, own.state = till.link, till.state
        last = till.state.documents
        below = till.sign(till.receipt(), bench.now, keep=False, sequence=last)
        receipt = await bench.deliver(own, [below, *own.day(bench.now, 1)])
        assert (receipt["booked"], receipt["apart"], receipt["doubled"]) == ("3", "1", "0")
        assert bench.apart(till) == [(last, ["TS-1104", "TS-1404", "TS-1403"])]
        assert bench.bench.registry.devices[till.uid].state is DeviceState.ACTIVE

    run_batches(batch_ledger, walk)


def test_ts_3284_nobody_fills_the_ledger_with_what_lies_apart(
    batch_ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place may be signed anew for ever, and each such document is kept: so a day has a bound."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        start = till.link, till.state
        revoke(bench, till)
        bench.later(minutes=1)
        for _ in range(2):
            till.link, till.state = start
            await bench.deliver(till, [till.register(bench.now), *till.day(bench.now, 2)])
        monkeypatch.setattr(operations, "DAY_DOCUMENTS_MOST", 10)
        more = bench.seal(till, till.day(bench.now, 1))
        assert code_of(bench.announce, till, more) == "TS-3284"
        monkeypatch.setattr(operations, "DAY_DOCUMENTS_MOST", 11)
        monkeypatch.setattr(operations, "DAY_BYTES_MOST", 1_000)
        assert code_of(bench.announce, till, more) == "TS-3284"
        own = with_a_new_key(bench, till)
        own.link, own.state = start
        bench.announce(own, bench.seal(own, [own.register(bench.now)]))
        bench.later(days=1)
        bench.announce(till, more)

    run_batches(batch_ledger, walk)


def test_heads_are_kept_while_they_can_show_something(batch_ledger: LedgerFolder) -> None:
    """A device reports every few minutes for years: what the ledger has, and a flood of reports, is not kept."""

    async def walk(bench: BatchBench) -> None:
        till = await bench.register()
        kept = "SELECT sequence FROM batches.head_report WHERE uid = %s ORDER BY 1"
        documents = [till.register(bench.now), *till.day(bench.now, 2)]
        assert bench.report_head(till, 5, till.link) == ""
        await bench.deliver(till, documents)
        bench.later(days=8)
        for number in range(6, 12):
            assert bench.report_head(till, number, os.urandom(32)) == ""
        assert bench.bench.ledger.rows(kept, till.uid) == [(5,), *((number,) for number in range(6, 11))]
        await bench.deliver(till, till.day(bench.now, 1))
        bench.later(days=8)
        for number in (3, 4):
            assert bench.report_head(till, number, os.urandom(32)) == "TS-3285"
        assert (5,) not in bench.bench.ledger.rows(kept, till.uid)
        assert bench.matters(till).count("head-went-back") == 1

    run_batches(batch_ledger, walk)
