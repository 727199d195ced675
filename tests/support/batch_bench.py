"""The offline channel over a real ledger and a real database: a register that sells, its batches, and the booking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

import attrs
import msgspec
import psycopg
from ledger_bench import LedgerFolder
from national_bench import PACK, TIN, NationalBench, national

from benchmarks.national_till import NationalTill
from tallystick.authority.channels.ecr.batches import contacts, operations, queries, store
from tallystick.authority.channels.ecr.batches.anchoring import DeviceCounters
from tallystick.authority.channels.ecr.batches.booking import BookingServices, book_next, wake_released
from tallystick.authority.channels.ecr.batches.checking import check_head, check_manifest
from tallystick.authority.channels.ecr.batches.values import Batch, Contact
from tallystick.authority.intake import anchors, decision_store
from tallystick.authority.intake.held import Held
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.pipeline import OfflineIntake
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import to_milliseconds, unix_ms
from tallystick.wire.document_jws import DocumentHeader, read_signed
from tallystick.wire.offline_batch import (
    PART_BYTES_MAX,
    Announcement,
    make_manifest,
    read_head,
    read_manifest,
    split_parts,
    write_head,
    write_manifest,
)
from tallystick.wire.record import read_record

T = TypeVar("T")
_numbers = count(1)


@attrs.define
class Withdrawals:
    """`BuildHistory` in memory."""

    at: dict[str, datetime] = attrs.field(factory=dict)

    def withdrawn_at(self, build_id: str) -> datetime | None:
        """When a build was withdrawn."""
        return self.at.get(build_id)


@attrs.define
class Sealed:
    """A batch that a register has sealed: its id, its parts as text, and the signed manifest."""

    batch: bytes
    first: int
    parts: list[bytes]
    manifest: bytes


@attrs.define
class BatchBench:
    """What the doors of the room do, without HTTP."""

    bench: NationalBench
    withdrawals: Withdrawals
    openers: Openers
    intake: OfflineIntake
    services: BookingServices

    @property
    def now(self) -> datetime:
        """The authority's clock."""
        return self.bench.now

    def later(self, **more: float) -> None:
        """Let time pass."""
        self.bench.now += timedelta(**more)

    async def register(self, tin: str = TIN) -> NationalTill:
        """A new hardware register whose registration is in the ledger; nothing of it has come yet."""
        uid = f"HARD{next(_numbers):04d}"
        till = await self.bench.till(uid, DeviceClass.HARDWARE, tin)
        self.heard(till.uid)
        return till

    def heard(self, uid: str) -> None:
        """A register was heard of just now, before it made anything; its registration is of last month."""
        self.run(lambda conn: store.lock_contact(conn, uid, Contact(at=self.now, sequence=0, link=None)))

    def seal(self, till: NationalTill, documents: Sequence[bytes], *, part_bytes: int = PART_BYTES_MAX) -> Sealed:
        """What the register signs at reconnection over documents that it made."""
        signed = [read_signed(one) for one in documents]
        parts = list(split_parts(documents, part_bytes))
        batch = os.urandom(16)
        manifest = make_manifest(batch, signed, parts)
        return Sealed(batch, manifest.first, parts, self.sign(till, manifest, operations.link_of(signed[-1])))

    def sign(self, till: NationalTill, manifest: Any, head: bytes, **header: Any) -> bytes:
        """A signed manifest; ``header`` changes members of the header."""
        return write_manifest(self.header(till, manifest.last + 1, head, **header), manifest, till.device.sign)

    def header(self, till: NationalTill, sequence: int, link: bytes, **more: Any) -> DocumentHeader:
        """The header of the next place."""
        return till.header(self.now, sequence=sequence, previous=link, **more)

    def run(self, work: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Work in a transaction of its own."""
        with psycopg.connect(self.bench.ledger.dsn) as conn:
            return work(conn)

    def sender(self, till: NationalTill) -> Sender:
        """Who stands at the doors, as they admit him now."""
        certificate = self.bench.registry.certificate(sha256(till.certificate))
        assert certificate is not None
        return attrs.evolve(self.bench.sender(till), revoked=certificate.was_revoked(self.now))

    def announce(self, till: NationalTill, sealed: Sealed) -> Batch:
        """The device announces its batch."""
        sender, said = self.sender(till), Announcement(batch=sealed.batch, first=sealed.first)
        return self.run(lambda conn: operations.announce(conn, sender, said, self.now))

    def put(self, till: NationalTill, sealed: Sealed, number: int, text: bytes | None = None) -> bool:
        """The device brings a part; whether it was new."""
        sender = self.sender(till)
        new = operations.read_new_part(sender, number, sealed.parts[number - 1] if text is None else text, self.now)
        return self.run(lambda conn: operations.put_part(conn, sender, sealed.batch, new))[1]

    def close(self, till: NationalTill, manifest: bytes) -> Batch:
        """The device closes its batch."""
        sender = self.sender(till)
        signed, signer = check_manifest(self.bench.registry, till.origin, sender, read_manifest(manifest))
        return self.run(
            lambda conn: operations.close(
                conn,
                sender,
                signed,
                self.now,
                certificate=signer.certificate_hash,
                revoked=signer.was_revoked(self.now),
            )
        )

    def bring(self, till: NationalTill, sealed: Sealed) -> Batch:
        """Announce, bring all parts, close."""
        self.announce(till, sealed)
        for number in range(1, len(sealed.parts) + 1):
            self.put(till, sealed, number)
        return self.close(till, sealed.manifest)

    async def book(self) -> int:
        """Book what is due; how many batches were worked on."""
        worked = 0
        await wake_released(self.services)
        while await book_next(self.services):
            worked += 1
        return worked

    async def deliver(self, till: NationalTill, documents: Sequence[bytes]) -> dict[str, Any]:
        """Seal, bring and book; the receipt."""
        sealed = self.seal(till, documents)
        self.bring(till, sealed)
        await self.book()
        return self.receipt(till, sealed)

    def receipt(self, till: NationalTill, sealed: Sealed) -> dict[str, Any]:
        """The receipt as the device reads it."""
        batch = self.run(lambda conn: queries.batch(conn, till.uid, sealed.batch))
        assert batch.receipt is not None, f"the batch is {batch.state}, {batch.code}"
        said: dict[str, Any] = msgspec.json.decode(batch.receipt)
        return said

    def report_head(self, till: NationalTill, sequence: int, link: bytes, waiting: int = 0, oldest: Any = None) -> str:
        """The device reports its head; the code of the refusal."""
        oldest_ms = None if oldest is None else unix_ms(to_milliseconds(oldest))
        compact = write_head(self.header(till, sequence + 1, link), till.device.sign, waiting, oldest_ms)
        sender = self.sender(till)
        report = read_head(compact)
        check_head(self.bench.registry, till.origin, sender, report)
        fault = self.run(lambda conn: contacts.hear_head(conn, sender, report, self.now))
        return fault.code if fault is not None else ""

    def matters(self, till: NationalTill) -> list[str]:
        """Kinds of what inspectors shall see of a register."""
        rows = self.bench.ledger.rows("SELECT kind FROM batches.matter WHERE uid = %s ORDER BY kind", till.uid)
        return [row[0] for row in rows]

    def codes(self, till: NationalTill, *sequences: int) -> list[tuple[str, ...]]:
        """The flags of a register's booked documents by number."""
        rows = self.bench.ledger.rows(
            "SELECT i.se_total, r.record FROM ledger.identity i JOIN ledger.records r USING (log_index)"
            " WHERE i.signed_by = %s",
            till.uid,
        )
        found = {number: tuple(read_record(record).flags) for number, record in rows}
        return [found[number] for number in sequences]

    def apart(self, till: NationalTill) -> list[tuple[int, list[str]]]:
        """Numbers and codes of what lies in quarantine of a register."""
        query = "SELECT ordinal, codes FROM intake.quarantine WHERE signed_by = %s ORDER BY ordinal"
        return [(row[0], row[1]) for row in self.bench.ledger.rows(query, till.uid)]

    def held(self, till: NationalTill, sequence: int) -> Held:
        """What lies apart under a number."""
        query = "SELECT act_hash FROM intake.quarantine WHERE signed_by = %s AND ordinal = %s"
        [(act_hash,)] = self.bench.ledger.rows(query, till.uid, sequence)
        return self.held_act(act_hash)

    def held_act(self, act_hash: bytes) -> Held:
        """What lies apart under an act's hash."""
        held = self.run(lambda conn: decision_store.held(conn, act_hash))
        assert held is not None
        return held

    def standing(self, held: Held, revoked_at: datetime) -> anchors.Standing:
        """What shows a held document's age; the registry of this bench is in memory, and so is the revocation."""
        found = self.run(lambda conn: anchors.standing(conn, DeviceCounters(), held))
        return attrs.evolve(found, revoked_at=revoked_at)


def code_of(work: Any, *args: Any) -> str:
    """The code of the fault that a call raises; empty when it gives a value."""
    try:
        work(*args)
    except Fault as fault:
        return fault.code
    return ""


@asynccontextmanager
async def batches(
    ledger: LedgerFolder, *, processes: int = 0, pack: CountryPack = PACK, **channels: Any
) -> AsyncIterator[BatchBench]:
    """A bench while the sequencer serves; ``channels`` changes the country's rules."""
    pack = attrs.evolve(pack, channels=attrs.evolve(pack.channels, **channels))
    async with national(ledger, pack) as bench:
        made = make(bench, Withdrawals(), processes)
        yield made
        made.openers.close()


def make(bench: NationalBench, withdrawals: Withdrawals, processes: int = 0) -> BatchBench:
    """The room over a national bench, as a process would make it."""
    keeper = Keeper(lambda: psycopg.connect(bench.ledger.dsn))
    stores = NationalKeeper(keeper, lambda: bench.now, bench.pack.channels.time_window)
    national_rules = attrs.evolve(bench.rules, stores=stores)
    rules = OfflineRules(
        national=national_rules, stores=stores, history=withdrawals, rates=cast("Rates", national_rules.rates)
    )
    openers = Openers(rules, processes)
    intake = OfflineIntake(rules, bench.sequencer, openers)
    services = BookingServices(
        keeper=keeper,
        intake=intake,
        devices=bench.registry,
        rules=bench.pack.channels,
        clock=lambda: bench.now,
        held=bench.registry.held_signers,
    )
    return BatchBench(bench, withdrawals, openers, intake, services)


def run_batches(ledger: LedgerFolder, walk: Callable[[BatchBench], Awaitable[None]], **channels: Any) -> None:
    """Do something on a bench of a country whose rules of the channels differ by ``channels``."""

    async def all_of_it() -> None:
        async with batches(ledger, **channels) as bench:
            await walk(bench)

    asyncio.run(all_of_it())


def first_day(till: NationalTill, bench: BatchBench, sales: int = 5, hours_ago: float = 1) -> list[bytes]:
    """Registration and a whole shift."""
    at = bench.now - timedelta(hours=hours_ago)
    return [till.register(at), *till.day(at, sales)]
