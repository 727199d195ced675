"""The intake of national documents over a real ledger and a real database; registry and builds answer from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
from ledger_bench import ORIGIN, LedgerFolder

from benchmarks.national_till import BUILD, NationalTill
from benchmarks.package_maker import rate_group
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.pipeline import NationalIntake
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import NationalAnswer, Sender
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.national_orders import device_authority
from tallystick.kernel.builds import BuildClass
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import Clock
from tallystick.kernel.invoice import Seller
from tallystick.wire.country_pack import parse_pack

TIN = "100000001"
PACK = parse_pack(Path("countries/AQ/pack.toml").read_bytes(), "pack.toml")


@attrs.define
class MemoryRegistry:
    """`NationalDevices` and `Builds`."""

    devices: dict[str, NationalDevice] = attrs.field(factory=dict)
    certificates: dict[bytes, DeviceCertificate] = attrs.field(factory=dict)
    builds: set[str] = attrs.field(factory=lambda: {BUILD})

    def device(self, uid: str) -> NationalDevice | None:
        """By UID."""
        return self.devices.get(uid)

    def certificate(self, certificate_hash: bytes) -> DeviceCertificate | None:
        """By the hash of its DER."""
        return self.certificates.get(certificate_hash)

    def held_signers(self) -> set[bytes]:
        """Certificates in force of devices on hold."""
        held = {uid for uid, device in self.devices.items() if device.state is DeviceState.HOLD}
        return {digest for digest, one in self.certificates.items() if one.uid in held and one.revoked_at is None}

    def require(self, wanted: BuildClass, build_id: str) -> None:
        """Only the builds that are there."""
        if build_id not in self.builds:
            raise Fault("TS-2406", detail=f"no certified build for {wanted}")

    def enter(
        self, till: NationalTill, device_class: DeviceClass, at: datetime, premises: int = 1, index: int = 1
    ) -> None:
        """Enter a till and its certificate."""
        tin = Tin(till.tin)
        self.devices[till.uid] = NationalDevice(
            uid=Uid(till.uid),
            device_class=device_class,
            tin=tin,
            premises_id=premises,
            seller=Seller(tin=tin, business_name="Shop", location_name="Shop", address="1 Way", district=""),
            state=DeviceState.ACTIVE,
            maker="acme",
            model="T1",
            serial_number=till.uid,
            registration_index=index,
            genesis=till.link,
        )
        self.certificates[sha256(till.certificate)] = DeviceCertificate(
            certificate_hash=sha256(till.certificate),
            uid=Uid(till.uid),
            device_class=device_class,
            tin=tin,
            certificate=till.certificate,
            not_before=at - timedelta(days=30),
            not_after=at + timedelta(days=300),
            authority=device_authority(device_class),
        )

    def change(self, uid: str, **changes: Any) -> None:
        """Change a device."""
        self.devices[uid] = attrs.evolve(self.devices[uid], **changes)

    def change_certificate(self, till: NationalTill, **changes: Any) -> None:
        """Change a till's certificate."""
        digest = sha256(till.certificate)
        self.certificates[digest] = attrs.evolve(self.certificates[digest], **changes)


@attrs.define
class NationalBench:
    """``now`` is the authority's clock; tills are registered by ``till``."""

    ledger: LedgerFolder
    sequencer: SequencerClient
    registry: MemoryRegistry
    intake: NationalIntake
    pack: CountryPack
    now: datetime

    async def till(
        self, uid: str = "SOFT0001", device_class: DeviceClass = DeviceClass.SOFTWARE, tin: str = TIN, premises: int = 1
    ) -> NationalTill:
        """A till whose registration is in the ledger."""
        made = NationalTill(uid, tin, ORIGIN)
        booked = await self.sequencer.append(made.registration_entry())
        [(made.link,)] = self.ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", uid)
        self.registry.enter(made, device_class, self.now, premises, booked.index)
        return made

    def sender(self, till: NationalTill) -> Sender:
        """The till at the door."""
        return Sender(
            certificate_hash=sha256(till.certificate),
            uid=Uid(till.uid),
            device_class=self.registry.devices[till.uid].device_class,
            tin=Tin(till.tin),
        )

    async def send(self, till: NationalTill, compact: bytes, channel: Channel = Channel.ECR_ONLINE) -> NationalAnswer:
        """Hand a document in, now."""
        return await self.intake.submit(compact, sender=self.sender(till), received_at=self.now, channel=channel)

    async def code(self, till: NationalTill, compact: bytes, channel: Channel = Channel.ECR_ONLINE) -> str:
        """The code of the refusal; empty for a document that is booked."""
        try:
            await self.send(till, compact, channel)
        except Fault as fault:
            return fault.code
        return ""

    async def opened(self, uid: str = "SOFT0001", **kwargs: Any) -> NationalTill:
        """A till with its first shift open."""
        till = await self.till(uid, **kwargs)
        await self.send(till, till.register(self.now))
        await self.send(till, till.open_shift(self.now))
        return till

    @property
    def rules(self) -> NationalRules:
        """What the intake consults, made anew."""
        return _rules(self.ledger, self.registry, self.pack, lambda: self.now)

    def another_process(self) -> NationalIntake:
        """An intake that remembers nothing."""
        return _intake(self.ledger, self.sequencer, self.registry, self.pack, lambda: self.now)

    def tree(self) -> object:
        """What must not change where something is refused."""
        heads = "SELECT signed_by, seq, link, total FROM ledger.device_heads ORDER BY signed_by"
        return self.ledger.rows("SELECT max(tree_size) FROM ledger.tree_state"), self.ledger.rows(heads)


def _rules(ledger: LedgerFolder, registry: MemoryRegistry, pack: CountryPack, clock: Clock) -> NationalRules:
    keeper = Keeper(lambda: psycopg.connect(ledger.dsn))
    rates = Rates((rate_group(),))
    return NationalRules(
        devices=registry,
        builds=registry,
        rates=rates,
        stores=NationalKeeper(keeper, clock, pack.channels.time_window),
        pack=pack,
        zone=ZoneInfo(pack.time_zone),
        origin=ORIGIN,
    )


def _intake(
    ledger: LedgerFolder, sequencer: SequencerClient, registry: MemoryRegistry, pack: CountryPack, clock: Clock
) -> NationalIntake:
    return NationalIntake(_rules(ledger, registry, pack, clock), sequencer)


@asynccontextmanager
async def national(ledger: LedgerFolder, pack: CountryPack = PACK) -> AsyncIterator[NationalBench]:
    """A bench while the sequencer serves."""
    registry = MemoryRegistry()
    async with ledger.serving() as (client, _):
        bench: list[NationalBench] = []
        intake = _intake(ledger, client, registry, pack, lambda: bench[0].now)
        bench.append(NationalBench(ledger, client, registry, intake, pack, datetime.now(UTC)))
        yield bench[0]


def run_national(ledger: LedgerFolder, walk: Callable[[NationalBench], Awaitable[None]], **channels: Any) -> None:
    """Do something on a bench of a country whose rules of the channels differ by ``channels``."""

    async def all_of_it() -> None:
        pack = attrs.evolve(PACK, channels=attrs.evolve(PACK.channels, **channels)) if channels else PACK
        async with national(ledger, pack) as bench:
            await walk(bench)

    asyncio.run(all_of_it())
