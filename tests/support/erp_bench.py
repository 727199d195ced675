"""The ERP channel at a real door: TLS, intake, sequencer and PostgreSQL; registry and builds answer from memory."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
from ecr_bench import Door, TurnedClock, open_door
from ecr_till import Reply, Till
from ledger_bench import ORIGIN, LedgerFolder
from national_bench import PACK, MemoryRegistry
from pki_bench import shared_database
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool
from public_live import LoopThread

from benchmarks.package_maker import rate_group
from tallystick.authority.channels.ecr.routes import Calls
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.channels.erp.api import ErpApi
from tallystick.authority.channels.erp.services import ErpServices
from tallystick.authority.channels.erp.webhooks import WebhookPolicy, Webhooks
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.pipeline import NationalIntake
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.pki import DemoPki
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.tax_queue_status import TaxQueue

_numbers = itertools.count(1)
WEBHOOKS = Webhooks(secret=lambda: b"s" * 32, random=os.urandom, policy=WebhookPolicy(loopback=True))


@attrs.define(eq=False)
class ErpBench:
    """Connections and tills at the door, and what the database holds."""

    dsn: str
    ledger: LedgerFolder
    loop: LoopThread
    door: Door
    registry: MemoryRegistry
    sequencer: SequencerClient
    services: ErpServices

    def device(self, device_class: DeviceClass = DeviceClass.ERP) -> Till:
        """A registered device, whose sequence is begun in the ledger."""
        uid = f"ERPC{next(_numbers):04d}"
        till = self.door.till(uid, device_class, at=self.door.clock() - timedelta(days=1))
        booked = self.loop.run(self.sequencer.append(till.papers.registration_entry()))
        [(till.papers.link,)] = self.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", uid)
        known = self.door.view.devices[uid]
        place = None if device_class is DeviceClass.ERP else 1
        self.door.view.devices[uid] = attrs.evolve(
            known, registration_index=booked.index, genesis=till.papers.link, premises_id=place
        )
        return till

    def opened(self, device_class: DeviceClass = DeviceClass.ERP) -> Till:
        """A registered device with its first shift open."""
        till = self.device(device_class)
        till.begin()
        return till

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(query, parameters).fetchall()

    def size(self) -> int:
        """Entries of the ledger."""
        return int(self.rows("SELECT count(*) FROM ledger.leaves")[0][0])

    def another(self, till: Till) -> Till:
        """A further connection of the same device."""
        return self.door.keep(Till(till.papers, till.context, self.door.port))


def bulk(till: Till, documents: list[bytes], **headers: str) -> Reply:
    """Send a bulk."""
    told = {"Content_Type": "application/vnd.tallystick.documents"} | headers
    return till.ask("POST", "/erp/v1/bulk", b"\n".join(documents), **told)


@contextmanager
def open_bench(pki: DemoPki, server: str, folder: Path) -> Iterator[ErpBench]:
    """Everything, for a file of tests."""
    with ExitStack() as stack:
        loop = LoopThread()
        stack.callback(loop.stop)
        stack.enter_context(shared_database(server, "erp_channel"))
        dsn = make_conninfo(server, dbname="erp_channel")
        ledger, inner = LedgerFolder.make(folder, dsn), AsyncExitStack()
        client, _ = loop.run(inner.enter_async_context(ledger.serving()))
        stack.callback(lambda: loop.run(inner.aclose()))
        pool: ConnectionPool[Any] = ConnectionPool(as_role(dsn, INTAKE), min_size=1, max_size=6, open=True)
        stack.callback(pool.close)
        registry, clock = MemoryRegistry(), TurnedClock()
        own = SequencerClient(ledger.socket)
        erp: list[ErpServices] = []

        def more(services: EcrServices) -> Calls:
            erp.append(ErpServices(door=services, webhooks=WEBHOOKS))
            return ErpApi(erp[-1]).calls

        rates = Rates((rate_group(),))
        view = LateView()
        rules = NationalRules(
            devices=view,
            builds=registry,
            rates=rates,
            stores=NationalKeeper(Keeper(pool.connection), clock, PACK.channels.time_window),
            pack=PACK,
            zone=ZoneInfo(PACK.time_zone),
            origin=ORIGIN,
        )
        intake = NationalIntake(rules, own)
        made = open_door(
            pki, folder, more=more, pool=pool, intake=intake, rates=rates, rules=PACK.channels, queue=TaxQueue()
        )  # fmt: skip
        door = stack.enter_context(made)
        view.of = door.view
        stack.callback(lambda: asyncio.run(own.close()))
        yield ErpBench(dsn, ledger, loop, door, registry, client, erp[0])


@attrs.define
class LateView:
    """The door's view of the registry, which is made after the intake."""

    of: Any = None

    def device(self, uid: str) -> Any:
        return self.of.device(uid)

    def certificate(self, certificate_hash: bytes) -> Any:
        return self.of.certificate(certificate_hash)
