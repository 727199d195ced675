"""An operator who enters settled places that are none: the self-check and the offline verifier find each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from batch_bench import BatchBench, batches
from ledger_bench import LedgerFolder, lines
from psycopg.conninfo import make_conninfo
from settled_values import a_place, place_entry

from benchmarks.national_till import NationalTill
from tallystick.authority.ledger import booking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import Outcome, verify
from tallystick.wire import settled_place
from tallystick.wire.document_jws import MEDIA_TYPE, read_signed
from tallystick.wire.settled_place import SettledPlace


def unchecked(entry: NewEntry, _: object) -> SettledPlace:
    """What a sequencer would take that checks nothing."""
    return settled_place.read_settled_place(entry.body)


def entry_of(bench: BatchBench, till: NationalTill, first: int, last: int, previous: bytes, **changes: Any) -> NewEntry:
    """What an operator would enter to hide a document of a register."""
    changes = {"next": till.link, "reason": "so that nobody sees it", "at_ms": unix_ms(bench.now)} | changes
    return place_entry(a_place(till.uid, first, last, previous, **changes), at_ms=unix_ms(bench.now))


Forged = tuple[LedgerFolder, Outcome, list[Break]]
FORGERIES = ("OVERDOC1", "SKIPS001", "TWICE001", "WRONGLNK", "ALONE001", "LATERDOC", "HONEST01")


async def forge(bench: BatchBench) -> None:
    for uid in FORGERIES:
        till = await bench.bench.till(uid, DeviceClass.SOFTWARE)
        start = till.link
        made = [till.register(bench.now)]
        links = [start, till.link]
        for _ in range(4):
            made.append(till.open_shift(bench.now) if len(made) == 1 else till.sell(bench.now))
            links.append(till.link)
        await bench.bench.send(till, made[0])
        await bench.bench.send(till, made[1])
        append = bench.bench.sequencer.append
        if uid == "OVERDOC1":  # as if number 2, which is booked, were lost
            await append(entry_of(bench, till, 2, 2, links[1], next=links[2]))
            continue
        if uid == "SKIPS001":  # number 3 is settled by nobody
            await append(entry_of(bench, till, 4, 4, links[2], next=links[4]))
            await bench.bench.send(till, made[4])
            continue
        if uid == "WRONGLNK":
            await append(entry_of(bench, till, 3, 3, sha256(b"made up"), next=links[3]))
        elif uid == "ALONE001":
            await append(entry_of(bench, till, 3, 3, links[2], next=links[3], approved_by="vera"))
        else:
            await append(entry_of(bench, till, 3, 3, links[2], next=links[3]))
        if uid == "TWICE001":
            await append(entry_of(bench, till, 3, 3, links[2], next=links[3], request=2))
        if uid == "LATERDOC":  # it was not lost at all
            signed = read_signed(made[2])
            await append(plain(bench, till, made[2], signed.act_hash, 3))
            continue
        await bench.bench.send(till, made[3])


def plain(bench: BatchBench, till: NationalTill, compact: bytes, act: bytes, number: int) -> NewEntry:
    """A document without its place, as cards have them."""
    return NewEntry(
        kind=EntryKind.DOCUMENT,
        channel=Channel.ECR_ONLINE,
        body=compact,
        media_type=MEDIA_TYPE,
        received_at_ms=unix_ms(bench.now),
        act_hash=act,
        device=(till.uid, till.uid),
        tin=till.tin,
        document_type=0x0200,
        day=20_000,
        issued_at_ms=unix_ms(bench.now),
        total=57_000,
        day_amount=57_000,
        se_total=number,
        certificate_hash=sha256(till.certificate),
        verdict=4,
    )


@pytest.fixture(scope="module")
def forged(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forged]:
    """One ledger in which each device has a forgery of its own, and what the verifier says of its export."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE forged TEMPLATE tallystick STRATEGY file_copy")
        folder = tmp_path_factory.mktemp("forged")
        ledger = LedgerFolder.make(folder, make_conninfo(_hasty_server, dbname="forged"))

        async def all_of_it() -> None:
            async with batches(ledger) as bench:
                await forge(bench)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(booking, "check_event", lambda entry, head: None)
            patch.setattr(booking, "place_of", unchecked)
            patch.setattr(settled_place, "_check", lambda _: None)
            ledger.edit("ALTER TABLE ledger.device_links DROP CONSTRAINT device_links_pkey")  # it is his database
            asyncio.run(all_of_it())
        export_ledger(ledger.dsn, folder / "export", ExportScope())
        policy = folder / "policy.txt"
        policy.write_text(f"log {ledger.log_key.verifier_key}\n")
        found: list[Break] = []
        outcome = verify(folder / "export", read_policy(policy), workers=1, found=found.append)
        yield ledger, outcome, found
        administrator.execute("DROP DATABASE forged WITH (FORCE)")


def test_the_verifier_names_each_forged_place(forged: Forged) -> None:
    _, outcome, found = forged
    of = {uid: {one.code for one in found if one.place == f"device {uid}-{uid}"} for uid in FORGERIES}
    assert BreakCode.DEVICE_LINK in of["OVERDOC1"]
    assert BreakCode.PLACE in of["OVERDOC1"]
    assert BreakCode.DEVICE_LINK in of["SKIPS001"]
    assert BreakCode.DEVICE_LINK in of["TWICE001"]
    assert BreakCode.DEVICE_LINK in of["WRONGLNK"]
    assert of["ALONE001"] >= {BreakCode.PLACE}
    assert BreakCode.PLACE in of["LATERDOC"]
    assert of["HONEST01"] == set()
    assert {place.device for _, place in outcome.settled} == set(FORGERIES) - {"ALONE001"}


def test_the_self_check_names_each_forged_place(forged: Forged) -> None:
    ledger, _, _ = forged
    told = list(lines(ledger.sweep()))
    for uid in FORGERIES:
        assert (uid == "HONEST01") == (not any(uid in line for line in told)), uid
