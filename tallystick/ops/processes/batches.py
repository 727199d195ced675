"""The process that books batches of offline registers: several side by side, opened in processes of their own.

It is apart from the worker and from those who sell on line, so that a returning fleet costs them nothing but its share
of the sequencer. Two of them do no harm: a batch is taken by one.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import attrs
import psycopg
from psycopg_pool import ConnectionPool

from tallystick.authority.channels.ecr.batches.booking import BookingServices, book_next, wake_released
from tallystick.authority.channels.ecr.batches.tasks import tell_overdue, tidy_up
from tallystick.authority.channels.ecr.identity import VIEW_AGE_MAX
from tallystick.authority.intake.held import Held
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.offline.openers import Openers
from tallystick.authority.intake.national.offline.pipeline import OfflineIntake
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.offline.readmitting import ReadmissionRules, entry_anew
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Channel, NewEntry
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.kernel.faults import Fault
from tallystick.ops.national_views import national_views
from tallystick.ops.processes.context import Context, run_until_stopped, system_clock
from tallystick.ops.schema.roles import INTAKE

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 4
_POOL_CONNECTIONS = 8
_LOOK_SECONDS = 0.2
_TROUBLE_SECONDS = 2.0
_TIDY_SECONDS = 3_600.0
_WAKE_SECONDS = 10.0
_OPENING_PROCESSES = min(8, os.cpu_count() or 1)


@attrs.frozen(slots=True)
class NationalMeans:
    """What judges national documents in the worker: views that follow the database, and stores."""

    rules: NationalRules
    rates: Rates
    keeper: Keeper
    stores: NationalKeeper
    devices: NationalDirectory
    builds: BuildDirectory
    follower: Follower
    pool: ConnectionPool[psycopg.Connection[Any]]

    @classmethod
    def of(cls, context: Context) -> NationalMeans:
        """Start what it needs."""
        devices, views = national_views(system_clock)
        rates, builds = Rates(), BuildDirectory(context.pack.certification)
        follower = Follower(context.connector(INTAKE), [*views, rates, builds])
        follower.start()
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
        return cls(rules, rates, keeper, stores, devices, builds, follower, pool)

    def close(self) -> None:
        """End what it started."""
        self.follower.stop()
        self.pool.close()

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


def run() -> None:
    """Book until stopped."""
    context = Context.load("batches")
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=INTAKE)


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    means = await asyncio.to_thread(NationalMeans.of, context)
    rules = OfflineRules(national=means.rules, stores=means.stores, history=means.builds, rates=means.rates)
    sequencer, openers = SequencerClient(context.socket("sequencer")), Openers(rules, _OPENING_PROCESSES)
    services = BookingServices(
        keeper=means.keeper,
        intake=OfflineIntake(rules, sequencer, openers),
        devices=means.devices,
        rules=context.pack.channels,
        clock=system_clock,
        held=means.devices.held_signers,
        fresh=means.is_fresh,
    )
    await openers.start()
    context.serving.set()
    work = [asyncio.create_task(_book(services)) for _ in range(SIDE_BY_SIDE)]
    work += [asyncio.create_task(_wake(services)), asyncio.create_task(_tidy_up(services))]
    await stopped.wait()
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await sequencer.close()
    openers.close()
    await asyncio.to_thread(means.close)


async def _book(services: BookingServices) -> None:
    """One batch after the other; a bug of ours costs one batch its turn, and nobody else's."""
    while True:
        try:
            if await book_next(services):
                continue
        except Fault as fault:
            log.warning("batches cannot be booked now: %s", fault)
            await asyncio.sleep(_TROUBLE_SECONDS)
        except Exception:
            log.exception("a batch could not be booked")
            await asyncio.sleep(_TROUBLE_SECONDS)
        await asyncio.sleep(_LOOK_SECONDS)


async def _wake(services: BookingServices) -> None:
    """At once when devices on hold have changed; every few seconds for what another process laid aside by its view."""
    loop, known, woken_at = asyncio.get_running_loop(), services.held(), float("-inf")
    while True:
        held = services.held()
        if held != known or loop.time() >= woken_at + _WAKE_SECONDS:
            try:
                await wake_released(services)
                known, woken_at = held, loop.time()
            except Fault as fault:
                log.warning("batches of released devices cannot be woken now: %s", fault)
        await asyncio.sleep(_LOOK_SECONDS)


async def _tidy_up(services: BookingServices) -> None:
    while True:
        try:
            await services.keeper.run(lambda conn: tidy_up(conn, services.clock()))
            await services.keeper.run(
                lambda conn: tell_overdue(conn, services.devices, services.rules, services.clock())
            )
        except Fault as fault:
            log.warning("old batches are not looked through now: %s", fault)
        await asyncio.sleep(_TIDY_SECONDS)
