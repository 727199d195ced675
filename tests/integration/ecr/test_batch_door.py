"""The doors of the offline channel over TLS, with the booking behind them: S0-062, S0-064, security 3.6."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from batch_bench import BatchBench, Sealed, batches
from cards import Country
from ecr_bench import Door, open_door
from ecr_register import RealRegister, make_folder
from ecr_till import AUDIENCE, Reply, Till
from ledger_bench import LedgerFolder
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.ecr.batches import queries
from tallystick.authority.channels.ecr.batches.presence import Presence
from tallystick.authority.ledger import queries as ledger_queries
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.pki import DemoPki
from tallystick.device.ecr.synchronise import Pace
from tallystick.kernel.device_policy import DeviceState
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.offline_batch import (
    BATCHES_PATH,
    HEAD_PATH,
    Announcement,
    read_head,
    write_announcement,
    write_head,
)

OCTETS = {"Content_Type": "application/octet-stream"}


@attrs.define
class Shop:
    """A register before the door; calls are made in threads, for the booking runs in the loop."""

    bench: BatchBench
    till: Till

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One call."""
        return await asyncio.to_thread(self.till.ask, method, path, body, **headers)

    async def announce(self, sealed: Sealed) -> Reply:
        """Announce a batch."""
        said = write_announcement(Announcement(batch=sealed.batch, first=sealed.first))
        return await self.ask("POST", BATCHES_PATH, said, Content_Type="application/json")

    async def put(self, sealed: Sealed, number: int, text: bytes | None = None, **headers: str) -> Reply:
        """Bring a part."""
        body = sealed.parts[number - 1] if text is None else text
        return await self.ask("PUT", f"{path_of(sealed)}/parts/{number}", body, **(OCTETS | headers))

    async def close(self, sealed: Sealed) -> Reply:
        """Close a batch."""
        path = f"{path_of(sealed)}/close"
        return await self.ask("POST", path, sealed.manifest, Content_Type="application/jose")


def path_of(sealed: Sealed) -> str:
    return f"{BATCHES_PATH}/{write_base64url(sealed.batch).decode()}"


@contextmanager
def a_door(pki: DemoPki, home: Country, dsn: str) -> Iterator[Door]:
    with ConnectionPool(dsn, min_size=1, max_size=4) as pool, open_door(pki, home.folder, pool=pool) as door:
        yield door


async def a_shop(bench: BatchBench, door: Door, uid: str, device_class: DeviceClass) -> Shop:
    till = door.till(uid, device_class)
    papers = till.papers
    booked = await bench.bench.sequencer.append(papers.registration_entry())
    [(papers.link,)] = bench.bench.ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", uid)
    bench.bench.registry.enter(papers, device_class, bench.now, index=booked.index)
    bench.heard(uid)
    return Shop(bench, till)


@pytest.fixture
def play(database: str, tmp_path: Path, pki: DemoPki, home: Country) -> Callable[[Any], None]:
    """Runs a conversation while sequencer, door and booking are at work."""
    ledger = LedgerFolder.make(tmp_path, database)

    def runner(talk: Any) -> None:
        async def main() -> None:
            async with batches(ledger) as bench:
                with a_door(pki, home, database) as door:
                    booking = asyncio.create_task(_book(bench))
                    await talk(bench, door)
                    booking.cancel()

        asyncio.run(main())

    return runner


async def _book(bench: BatchBench) -> None:
    while True:
        bench.bench.now = datetime.now(UTC)
        if not await bench.book():
            await asyncio.sleep(0.05)


def test_a_batch_over_the_doors(play: Callable[[Any], None]) -> None:
    """Announce, parts plain and gzip'ed, what is there, close with its receipt; all of it again; and what is wrong."""

    async def talk(bench: BatchBench, door: Door) -> None:
        shop = await a_shop(bench, door, "HARD0001", DeviceClass.HARDWARE)
        papers, at = shop.till.papers, bench.now - timedelta(minutes=10)
        documents = [papers.register(at), *papers.day(at, 6)]
        sealed = bench.seal(papers, documents, part_bytes=6_000)
        assert (await shop.put(sealed, 1)).code == "TS-3282"
        first, again = await shop.announce(sealed), await shop.announce(sealed)
        assert (first.status, again.status) == (201, 200)
        assert first.json == again.json
        assert (await shop.put(sealed, 1)).status == 201
        assert (await shop.put(sealed, 1, gzip.compress(sealed.parts[0]), Content_Encoding="gzip")).status == 200
        assert (await shop.close(sealed)).code == "TS-2410"
        two = gzip.compress(sealed.parts[1])
        assert (await shop.put(sealed, 2, two[:-4], Content_Encoding="gzip")).code == "TS-3280"
        bomb = gzip.compress(bytes(4 * 2**20))
        assert (await shop.put(sealed, 2, bomb, Content_Encoding="gzip")).code == "TS-1203"
        assert (await shop.put(sealed, 2, two, Content_Encoding="br")).code == "TS-1002"
        assert (await shop.put(sealed, 2, Content_Type="text/plain")).code == "TS-1002"
        assert (await shop.put(sealed, 2, bytes(2 * 2**20))).code == "TS-1003"
        assert (await shop.put(sealed, 2, two, Content_Encoding="gzip")).status == 201
        for number in range(3, len(sealed.parts) + 1):
            assert (await shop.put(sealed, number)).status == 201
        there = await shop.ask("GET", path_of(sealed))
        assert [part["number"] for part in there.json["parts"]] == [str(n + 1) for n in range(len(sealed.parts))]
        receipt = await shop.close(sealed)
        assert (receipt.status, receipt.json["booked"], receipt.json["flagged"]) == (200, "9", "0")
        assert (await shop.close(sealed)).body == receipt.body
        assert (await shop.ask("GET", path_of(sealed))).body == receipt.body
        assert (await shop.put(sealed, 1)).status == 200
        assert (await shop.ask("DELETE", path_of(sealed))).code == "TS-3283"
        for path, code in (
            (f"{path_of(sealed)}/parts/x", "TS-2410"),
            (f"{path_of(sealed)}/parts/0001", "TS-2410"),
            (f"{BATCHES_PATH}/short/parts/1", "TS-1201"),
            (f"{path_of(sealed)}/parts/1/2", "TS-1001"),
            (f"{path_of(sealed)}/more", "TS-1001"),
        ):
            assert (await shop.ask("PUT", path, b"x\n", **OCTETS)).code == code, path
        assert (await shop.ask("PATCH", path_of(sealed))).status == 405

        link, documents_made = papers.link, papers.state.documents
        head = write_head(bench.header(papers, documents_made + 1, link), papers.device.sign, 0)
        assert (await shop.ask("POST", HEAD_PATH, head, Content_Type="application/jose")).json == {"head": "9"}
        lower = write_head(bench.header(papers, 4, link), papers.device.sign, 0)
        assert (await shop.ask("POST", HEAD_PATH, lower, Content_Type="application/jose")).code == "TS-3285"
        assert bench.matters(papers) == ["head-went-back"]

        soft = await a_shop(bench, door, "SOFT0001", DeviceClass.SOFTWARE)
        assert (await soft.announce(sealed)).code == "TS-2405"
        other = await a_shop(bench, door, "HARD0002", DeviceClass.HARDWARE)
        assert (await other.ask("GET", path_of(sealed))).code == "TS-3282"

        digest = next(key for key, one in door.view.certificates.items() if one.uid == "HARD0001")
        revoked = attrs.evolve(door.view.certificates[digest], revoked_at=door.clock())
        door.view.certificates[digest] = revoked
        bench.bench.registry.certificates[digest] = revoked
        assert (await shop.ask("GET", "/ecr/v1/device")).code == "TS-1104"
        known = bench.run(lambda conn: queries.contact(conn, papers.uid))
        ahead = write_head(bench.header(papers, 4_000_000, link), papers.device.sign, 0)
        assert (await shop.ask("POST", HEAD_PATH, ahead, Content_Type="application/jose")).status == 200
        Presence(door.services).note(attrs.evolve(bench.sender(papers), revoked=True))
        await asyncio.sleep(0.2)
        assert bench.run(lambda conn: queries.contact(conn, papers.uid)) == known, "a thief is not the register"
        last = bench.seal(papers, papers.day(bench.now, 1))
        assert (await shop.announce(last)).status == 201
        assert (await shop.put(last, 1)).status == 201
        apart = await shop.close(last)
        assert (apart.status, apart.json["booked"], apart.json["apart"]) == (200, "0", "3")
        assert bench.apart(papers) == [(number, ["TS-2403"]) for number in (10, 11, 12)]

    play(talk)


def test_ts_1109_nothing_is_booked_while_nobody_knows_who_is_revoked(
    database: str, tmp_path: Path, pki: DemoPki, home: Country
) -> None:
    """At the door 503; and what came before waits."""
    ledger = LedgerFolder.make(tmp_path, database)

    async def main() -> None:
        async with batches(ledger) as bench:
            with a_door(pki, home, database) as door:
                shop = await a_shop(bench, door, "HARD0001", DeviceClass.HARDWARE)
                papers = shop.till.papers
                sealed = bench.seal(papers, [papers.register(bench.now)])
                bench.bring(papers, sealed)
                bench.services = attrs.evolve(bench.services, fresh=lambda: False)
                assert await bench.book() == 0
                door.view.age = timedelta(hours=1)
                held = await shop.announce(sealed)
                assert (held.status, held.code) == (503, "TS-1109")
                bench.services = attrs.evolve(bench.services, fresh=lambda: True)
                assert await bench.book() == 1
                assert bench.receipt(papers, sealed)["booked"] == "1"

    asyncio.run(main())
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM batches.part WHERE body IS NOT NULL").fetchone() == (0,)


def test_s0_030_our_own_register_on_hold_waits_for_its_receipt_without_asking_all_the_time(
    play: Callable[[Any], None], tmp_path: Path
) -> None:
    """Its batch is taken in and answered at once: 202, TS-2407, Retry-After; after the release it is booked."""

    async def talk(bench: BatchBench, door: Door) -> None:
        shop = await a_shop(bench, door, "HARD0001", DeviceClass.HARDWARE)
        papers, uid = shop.till.papers, "HARD0001"
        genesis = write_base64url(papers.link).decode()
        root = door.pki.files.root
        folder = make_folder(tmp_path / "till", papers, door.port, AUDIENCE, root, "hardware", genesis=genesis)

        def stands(state: DeviceState) -> None:
            door.view.devices[uid] = attrs.evolve(door.view.devices[uid], state=state)
            bench.bench.registry.change(uid, state=state)

        stands(DeviceState.HOLD)
        till = RealRegister(folder, part_bytes=4_000, pace=Pace(fresh_seconds=0))
        till.do("reg", order="register")
        till.do("open", order="open-shift", cash="100")
        till.sell("one")
        till.do("z", order="close-shift")
        end = time.monotonic() + 20
        while not till.register.status().awaits_release and time.monotonic() < end:
            await asyncio.to_thread(till.background.round)
        status = till.register.status()
        assert (status.awaits_release, status.waiting, status.stopped, status.trouble) == (True, 4, "", "")
        [(name, manifest)] = bench.bench.ledger.rows("SELECT batch_id, manifest FROM batches.batch WHERE uid = %s", uid)
        path, began = f"{BATCHES_PATH}/{write_base64url(name).decode()}", time.monotonic()
        waits = await shop.ask("POST", f"{path}/close", manifest, Content_Type="application/jose")
        assert time.monotonic() - began < 2.5, "nobody waits for a receipt that does not come"
        for reply in (waits, await shop.ask("GET", path)):
            assert (reply.json["state"], reply.json["code"]) == ("closed", "TS-2407")
            assert reply.headers["retry-after"] == "60"
        assert waits.status == 202
        stands(DeviceState.ACTIVE)
        while (await shop.ask("GET", path)).json["state"] != "done" and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(till.background.round)
        assert till.register.status().waiting == 4, "it asks when it was told to"
        till.behind -= timedelta(seconds=61)
        while till.register.status().waiting and time.monotonic() < end:
            await asyncio.to_thread(till.background.round)
        status = till.register.status()
        assert (status.awaits_release, status.waiting, status.stopped, status.apart) == (False, 0, "", "")
        [batch] = bench.bench.ledger.rows("SELECT count(*) FROM batches.batch WHERE uid = %s", uid)
        assert batch == (1,), "nothing was sealed anew"
        till.opened.close()

    play(talk)


def test_our_own_register_brings_its_batch_to_the_doors(play: Callable[[Any], None], tmp_path: Path) -> None:
    """S0-062, S0-095: over HTTP and TLS, in parts, closed by an interim seal; the ledger has its chain."""

    async def talk(bench: BatchBench, door: Door) -> None:
        shop = await a_shop(bench, door, "HARD0001", DeviceClass.HARDWARE)
        root = door.pki.files.root
        genesis = write_base64url(shop.till.papers.link).decode()
        folder = make_folder(
            tmp_path / "till", shop.till.papers, door.port, AUDIENCE, root, "hardware", genesis=genesis
        )
        till = RealRegister(folder, part_bytes=4_000, pace=Pace(fresh_seconds=0))
        till.do("reg", order="register")
        till.do("open", order="open-shift", cash="100")
        for number in range(8):
            till.sell(f"sale-{number}")
        assert await asyncio.to_thread(till.background.round)
        assert till.register.seal_interim()
        end = time.monotonic() + 20
        while till.register.status().waiting and time.monotonic() < end:
            await asyncio.to_thread(till.background.round)
        status = till.register.status()
        assert (status.waiting, status.trouble, status.stopped, status.apart) == (0, "", "", "")
        assert bench.bench.ledger.rows("SELECT count(*) FROM batches.batch WHERE state = 'done'") == [(2,)]
        [(most,)] = bench.bench.ledger.rows("SELECT max(number) FROM batches.part")
        assert most > 2
        head = bench.run(lambda conn: ledger_queries.device_head(conn, ("HARD0001", "HARD0001")))
        assert head is not None
        sequence, link = head
        batches = till.register.batches
        assert sequence == status.state.documents == 11
        report = batches.head_report(till.register.setup, till.clock())
        assert report is not None
        assert read_head(report).link == link
        till.opened.close()

    play(talk)
