"""The national online channel: documents of registers and ERP systems over TLS with client certificates."""

from __future__ import annotations

import asyncio
import gc
from contextlib import ExitStack

import attrs
from psycopg_pool import ConnectionPool

from tallystick.authority.assurance.witnesses.exchange import CheckpointExchange
from tallystick.authority.channels.ecr.api import build_app, refusals
from tallystick.authority.channels.ecr.ports import ReceiptCheck
from tallystick.authority.channels.ecr.routes import Calls
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.channels.ecr.tally import TallyKeeper
from tallystick.authority.channels.erp.api import ErpApi
from tallystick.authority.channels.erp.services import ErpServices
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.keeper import NationalKeeper
from tallystick.authority.intake.national.pipeline import NationalIntake
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.authority.reference.remote.waiting import WaitingCommands
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.pki import DEVICES
from tallystick.crypto.tls import tls_server_context
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.ops.command_signing import signers
from tallystick.ops.connecting import connecting_services, enrol_url
from tallystick.ops.national_receipts import NationalRecords
from tallystick.ops.national_views import national_views
from tallystick.ops.processes.assurance import checkpoint_exchange
from tallystick.ops.processes.context import Context, DatabaseConnection, ecr_name, run_until_stopped, system_clock
from tallystick.ops.receipt_check import receipt_check
from tallystick.ops.schema.roles import INTAKE
from tallystick.ops.server_certificate import follow_server_certificate
from tallystick.ops.settings import SettingsError
from tallystick.ops.shared_port import shared_port
from tallystick.ops.tax_queue_status import TaxQueue
from tallystick.ops.webhooks import webhooks_of

POOL_CONNECTIONS = 6
LIMITS = HttpLimits(connections_of_strangers=100)
"""Whoever has no certificate presents a register now and then; no crowd of such callers keeps a till out."""


@attrs.frozen
class _Means:
    """What the process opens and closes."""

    follower: Follower
    devices: NationalDirectory
    rates: Rates
    builds: BuildDirectory
    pool: ConnectionPool[DatabaseConnection]
    sequencer: SequencerClient
    checkpoints: CheckpointExchange
    commands: WaitingCommands

    async def close(self) -> None:
        self.follower.stop()
        await asyncio.to_thread(self.checkpoints.stop)
        await self.sequencer.close()
        self.pool.close()


def run(number: int = 1) -> None:
    """Serve until stopped, as the ``number``-th of ``ecr_processes``; raises ``SettingsError`` for one too many."""
    context = Context.load(ecr_name(number))
    if number > context.settings.ecr_processes:
        raise SettingsError(f"ecr_processes: there are {context.settings.ecr_processes}, so none is number {number}")
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=INTAKE)


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    settings = context.settings
    means = _open(context)
    await asyncio.to_thread(means.follower.start)
    services = _services(context, means)
    tls = tls_server_context(context.pki.files.folder, DEVICES)
    counting = TallyKeeper(services.tally, means.pool.connection)
    counting.start()
    with ExitStack() as held:
        listener = None
        if settings.ecr_processes > 1:
            listener = held.enter_context(shared_port(context.state.run, "ecr", settings.host, settings.ecr_port))
        server = Server(
            build_app(services, _erp(context, services)),
            settings.host,
            settings.ecr_port,
            ssl_context=tls,
            limits=LIMITS,
            refuse=refusals(services),
            listener=listener,
        )
        port = await server.start()
        # The registry's view lives as long as the process: no collection need walk over it while requests wait.
        gc.collect()
        gc.freeze()
        context.announce_port(port)
        following = asyncio.create_task(follow_server_certificate(tls, context.pki.files.folder, DEVICES))
        await stopped.wait()
        following.cancel()
        await server.stop()
    await asyncio.to_thread(counting.stop)
    await means.close()


def _open(context: Context) -> _Means:
    devices, views = national_views(system_clock)
    rates, builds = Rates(), BuildDirectory(context.pack.certification)
    commands = WaitingCommands(system_clock)
    pool: ConnectionPool[DatabaseConnection] = ConnectionPool(
        context.dsn(INTAKE), min_size=1, max_size=POOL_CONNECTIONS, open=False, check=ConnectionPool.check_connection
    )
    pool.open()
    checkpoints = checkpoint_exchange(context)
    checkpoints.start()
    return _Means(
        follower=Follower(context.connector(INTAKE), [*views, rates, builds, commands]),
        devices=devices,
        rates=rates,
        builds=builds,
        pool=pool,
        sequencer=SequencerClient(context.socket("sequencer")),
        checkpoints=checkpoints,
        commands=commands,
    )


def _services(context: Context, means: _Means) -> EcrServices:
    settings, pack = context.settings, context.pack
    keeper = Keeper(means.pool.connection)
    rules = NationalRules(
        devices=means.devices,
        builds=means.builds,
        rates=means.rates,
        stores=NationalKeeper(keeper, system_clock, pack.channels.time_window),
        pack=pack,
        zone=context.zone,
        origin=settings.log_origin,
    )
    return EcrServices(
        pool=means.pool,
        intake=NationalIntake(rules, means.sequencer, means.checkpoints.check_open),
        devices=means.devices,
        rates=means.rates,
        rules=pack.channels,
        checkpoints=means.checkpoints,
        receipts=_receipts(context, means),
        clock=system_clock,
        trusted=context.pki.device_trust_store(),
        arc=context.pki.arc,
        audience=settings.log_origin,
        connecting=connecting_services(pack, enrol_url(settings, context.state)),
        commands=means.commands,
        signers=signers,
        queue=TaxQueue(),
        public_url=settings.public_url,
        operator=settings.operator,
    )


def _erp(context: Context, door: EcrServices) -> Calls:
    """The ERP channel, which comes in by the same door."""
    return ErpApi(ErpServices(door=door, webhooks=webhooks_of(context.settings, context.state))).calls


def _receipts(context: Context, means: _Means) -> ReceiptCheck:
    ledger = LedgerView(means.pool.connection, context.state.tiles)
    records = NationalRecords(means.pool.connection)
    return receipt_check(ledger, records, system_clock, context.pack.channels.offline_limit)
