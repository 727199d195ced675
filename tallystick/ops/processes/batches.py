"""The worker's booking of batches, wired: a loop of its own, several batches side by side, signatures in processes."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import attrs
import psycopg
import uvloop
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.ecr.batches.booking import BookingServices, book_next
from tallystick.authority.channels.ecr.batches.tasks import is_anything_due, tidy_up
from tallystick.authority.channels.ecr.identity import VIEW_AGE_MAX
from tallystick.authority.intake.held import Held
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.offline import OfflineIntake, OfflineRules
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.readmitting import ReadmissionRules, entry_anew
from tallystick.authority.intake.national.signatures import Signatures
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Channel, NewEntry
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.ops.national_views import national_views
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.schema.roles import INTAKE

SIDE_BY_SIDE = 4
_POOL_CONNECTIONS = 8
_ROUND_SECONDS = 5.0
_SIGNATURE_PROCESSES = min(2, os.cpu_count() or 1)


@attrs.frozen(slots=True)
class NationalMeans:
    """What judges national documents in the worker: views that follow the database, and stores."""

    rules: NationalRules
    keeper: Keeper
    stores: NationalKeeper
    devices: NationalDirectory
    builds: BuildDirectory

    @classmethod
    def of(cls, context: Context) -> NationalMeans:
        """Start what it needs."""
        devices, views = national_views(system_clock)
        rates, builds = Rates(), BuildDirectory(context.pack.certification)
        Follower(context.connector(INTAKE), [*views, rates, builds]).start()
        pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            context.dsn(INTAKE),
            min_size=1,
            max_size=_POOL_CONNECTIONS,
            check=ConnectionPool.check_connection,
            open=True,
        )
        keeper = Keeper(pool.connection)
        stores = NationalKeeper(keeper, system_clock, context.pack.channels.time_window)
        rules = NationalRules(
            devices=devices,
            builds=builds,
            rates=rates,
            stores=stores,
            pack=context.pack,
            zone=context.zone,
            origin=context.settings.log_origin,
        )
        return cls(rules, keeper, stores, devices, builds)

    def is_fresh(self) -> bool:
        """Whether the view of certificates is new enough to judge by (TS-1109)."""
        refreshed_at = self.devices.refreshed_at
        return refreshed_at is not None and system_clock() - refreshed_at <= VIEW_AGE_MAX


class Readmitting:
    """Judges national documents anew for officers' decisions, in a loop of its caller's thread."""

    def __init__(self, context: Context, runner: asyncio.Runner) -> None:
        self._context = context
        self._runner = runner
        self._rules: ReadmissionRules | None = None

    def entry(self, held: Held, channel: Channel) -> NewEntry:
        """Fits ``readmission.DecisionServices``."""
        if self._rules is None:
            means = NationalMeans.of(self._context)
            self._rules = ReadmissionRules(national=means.rules, history=means.builds)
        return self._runner.run(entry_anew(self._rules, held, channel))


class BatchWork:
    """Books in the thread that first asks for it. Nothing is started before there is something to book."""

    def __init__(self, context: Context, stopped: threading.Event) -> None:
        self._context = context
        self._stopped = stopped
        self._runner: asyncio.Runner | None = None
        self._services: BookingServices | None = None

    def work(self, conn: DatabaseConnection) -> None:
        """Book what is due, for some seconds at least."""
        now = system_clock()
        tidy_up(conn, now)
        if not is_anything_due(conn, now):
            conn.commit()
            return
        conn.commit()
        if self._runner is None or self._services is None:
            self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
            self._services = self._make()
        self._runner.run(self._round(self._services))

    def _make(self) -> BookingServices:
        means = NationalMeans.of(self._context)
        rules = OfflineRules(national=means.rules, stores=means.stores, history=means.builds)
        sequencer = SequencerClient(self._context.socket("sequencer"))
        return BookingServices(
            keeper=means.keeper,
            intake=OfflineIntake(rules, sequencer, Signatures(_SIGNATURE_PROCESSES)),
            devices=means.devices,
            rules=self._context.pack.channels,
            clock=system_clock,
            fresh=means.is_fresh,
        )

    async def _round(self, services: BookingServices) -> None:
        until = time.monotonic() + _ROUND_SECONDS

        async def one() -> None:
            while not self._stopped.is_set() and time.monotonic() < until and await book_next(services):
                continue

        await asyncio.gather(*(one() for _ in range(SIDE_BY_SIDE)))
