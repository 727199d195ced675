"""The booking of batches with a ledger and stores in memory, for properties over many batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import attrs
from ledger_bench import ORIGIN
from national_bench import PACK, MemoryRegistry

from benchmarks.national_till import NationalTill
from benchmarks.package_maker import rate_group
from tallystick.authority.intake.claims import RefundClaim
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.pipeline import SHARE, OfflineIntake
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.offline.values import ArrivedPart, OfflineBatch, Tally
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.intake.store import Quarantined, Refused
from tallystick.authority.ledger.entry import Booked, EntryKind, NewEntry
from tallystick.authority.ledger.protocol import APPEND, decode_entry, write_append
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.offline_limits import Lateness, Outage


@attrs.define
class MemoryLedger:
    """A sequencer of one device: each document in its place, or none; in doubt about the one at ``fails_at``."""

    last: int
    link: bytes
    entries: list[NewEntry] = attrs.field(factory=list)
    fails_at: int = 0
    in_flight: int = 0
    in_flight_most: int = 0

    async def append(self, entry: NewEntry) -> Booked:
        """One."""
        [booked] = await self.append_many([write_append(entry)])
        assert isinstance(booked, Booked)
        return booked

    async def append_many(self, appends: Sequence[bytes]) -> list[Booked | Fault]:
        """Many; the answers come a moment later."""
        self.in_flight += len(appends)
        self.in_flight_most = max(self.in_flight, self.in_flight_most)
        answers = [self._append(decode_entry(one.removeprefix(APPEND))) for one in appends]
        await asyncio.sleep(0.001)
        self.in_flight -= len(appends)
        return answers

    def _append(self, entry: NewEntry) -> Booked | Fault:
        body_hash = sha256(entry.body)
        if entry.kind == EntryKind.DOCUMENT:
            if entry.device_seq == self.fails_at:
                return Fault("TS-5003", detail="the commit is in doubt")
            if (entry.device_seq, entry.device_prev) != (self.last + 1, self.link):
                return Fault("TS-1402", detail="not the next place")
            self.last, self.link = entry.device_seq, device_link(self.link, entry.device_seq, body_hash)
        self.entries.append(entry)
        size = len(self.entries)
        return Booked(index=size - 1, verdict=4, duplicate=False, body_hash=body_hash, tree_size=size)


@attrs.define
class MemoryStores:
    """What is kept beside it. No original is ever found."""

    stands: Standing
    refused: list[Refused] = attrs.field(factory=list)
    apart: list[Quarantined] = attrs.field(factory=list)
    closed: bool = False

    async def standing(self, uid: str, known: Standing | None = None) -> Standing:
        """Where the device stood before the batch."""
        return attrs.evolve(self.stands, nonces=dict(self.stands.nonces))

    async def booked_between(self, uid: str, first: int, last: int) -> dict[int, Any]:
        """Nothing was booked before."""
        return {}

    async def document(self, number: object) -> None:
        """No original."""

    async def claim(self, claim: RefundClaim, *, forced: bool) -> bool:
        """Of an original that is not there nobody can say that too much was taken."""
        return True

    async def refuse(self, refused: Refused) -> None:
        """Keep it."""
        self.refused.append(refused)

    async def quarantine_all(self, rows: Sequence[Quarantined]) -> dict[bytes, int | None]:
        """Keep them."""
        self.apart += rows
        return {row.act_hash: None for row in rows}

    async def is_card(self, uid: str) -> bool:
        """There is none."""
        return False

    async def close(self, uid: str, at: datetime) -> None:
        """Remember that."""
        self.closed = True

    async def number_all(self, numbers: object) -> None:
        """Note nothing."""


class NeverWithdrawn:
    """`BuildHistory` without a past."""

    def withdrawn_at(self, build_id: str) -> None:
        """Never."""


@attrs.frozen
class Outcome:
    """All that a batch leaves behind."""

    entries: list[NewEntry]
    refused: list[Refused]
    apart: list[Quarantined]
    tally: Tally
    in_flight_most: int = attrs.field(eq=False)


def country(
    till: NationalTill, stores: MemoryStores, now: datetime, renewed: NationalTill | None = None
) -> tuple[OfflineRules, Sender]:
    """What the booking consults, and the till at the door; ``renewed`` has its second key, which is revoked."""
    registry = MemoryRegistry()
    registry.enter(till, DeviceClass.HARDWARE, now)
    if renewed is not None:
        registry.enter(renewed, DeviceClass.HARDWARE, now)
        registry.change_certificate(renewed, revoked_at=now)
    rates = Rates((rate_group(),))
    national = NationalRules(
        devices=registry,
        builds=registry,
        rates=rates,
        stores=cast("Any", stores),
        pack=PACK,
        zone=ZoneInfo(PACK.time_zone),
        origin=ORIGIN,
    )
    sender = Sender(
        certificate_hash=sha256(till.certificate),
        uid=Uid(till.uid),
        device_class=DeviceClass.HARDWARE,
        tin=Tin(till.tin),
    )
    return OfflineRules(national=national, stores=cast("Any", stores), history=NeverWithdrawn(), rates=rates), sender


def book(
    till: NationalTill,
    stands: Standing,
    documents: Sequence[bytes],
    now: datetime,
    *,
    revoked: bool = False,
    outages: Sequence[Outage] = (),
    renewed: NationalTill | None = None,
    processes: int = 0,
    fails_at: int = 0,
    share: int = SHARE,
) -> Outcome:
    """Book a batch of a device that stands there; ``renewed`` has its second key, whose certificate is revoked."""
    ledger, stores = MemoryLedger(stands.sequence, stands.link, fails_at=fails_at), MemoryStores(stands)
    rules, sender = country(till, stores, now, renewed)
    openers = Openers(rules, processes)
    batch = OfflineBatch(sender=sender, revoked=revoked, lateness=Lateness(outages, PACK.channels))

    async def parts() -> AsyncIterator[ArrivedPart]:
        middle = len(documents) // 2 or 1
        for mine in (documents[:middle], documents[middle:]):
            if mine:
                yield ArrivedPart(b"".join([one + b"\n" for one in mine]), now)

    async def all_of_it() -> Tally:
        try:
            return await OfflineIntake(rules, ledger, openers, share).book(batch, parts())
        finally:
            openers.close()

    tally = asyncio.run(all_of_it())
    return Outcome(ledger.entries, stores.refused, stores.apart, tally, ledger.in_flight_most)


LONG_AGO = timedelta(hours=80)
"""Beyond the limit of the reference country."""
