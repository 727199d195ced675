"""The hosted signer: POS API over TLS with client certificates, with the pipeline behind it and the keys elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import ExitStack

import attrs
from psycopg_pool import ConnectionPool

from tallystick.authority.assurance.witnesses.exchange import CheckpointExchange
from tallystick.authority.channels.vsdc.api import build_app, refuse
from tallystick.authority.channels.vsdc.directory import HostedDirectory
from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.authority.channels.vsdc.numbers import Numbers
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.siblings import SharedSigner
from tallystick.authority.channels.vsdc.signing import SigningClient
from tallystick.authority.intake.hosted import NothingSealed
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.pipeline import Intake
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.tls import tls_server_context
from tallystick.kernel.faults import Fault
from tallystick.kit.http_server import Server
from tallystick.kit.retry import backoff_seconds
from tallystick.ops.key_store import pac_secret
from tallystick.ops.processes.api import configuration_of
from tallystick.ops.processes.assurance import checkpoint_exchange
from tallystick.ops.processes.context import Context, DatabaseConnection, run_until_stopped, system_clock, vsdc_name
from tallystick.ops.schema.roles import INTAKE
from tallystick.ops.server_certificate import follow_server_certificate
from tallystick.ops.settings import SettingsError
from tallystick.ops.shared_port import shared_port
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_languages import common_languages

log = logging.getLogger(__name__)

POOL_CONNECTIONS = 6
RECOVER_SECONDS = 300.0
SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others want it: a commit's result must not wait 5 ms for it."""


@attrs.frozen
class _Means:
    """What the process opens and closes."""

    follower: Follower
    pool: ConnectionPool[DatabaseConnection]
    numbers: Numbers
    signing: SigningClient
    sequencer: SequencerClient
    checkpoints: CheckpointExchange

    async def close(self) -> None:
        self.follower.stop()
        await asyncio.to_thread(self.checkpoints.stop)
        await asyncio.to_thread(self.numbers.stop)
        await self.signing.close()
        await self.sequencer.close()
        self.pool.close()


def run(number: int = 1) -> None:
    """Serve until stopped, as the ``number``-th of ``vsdc_processes``; raises ``SettingsError`` for one too many."""
    context = Context.load(vsdc_name(number))
    if number > context.settings.vsdc_processes:
        raise SettingsError(f"vsdc_processes: there are {context.settings.vsdc_processes}, so none is number {number}")
    sys.setswitchinterval(SWITCH_SECONDS)
    run_until_stopped(context, lambda stopped: _serve(context, number, stopped), database_role=INTAKE)


async def _serve(context: Context, number: int, stopped: asyncio.Event) -> None:
    settings = context.settings
    directory, hosted, rates = Directory(system_clock), HostedDirectory(), Rates()
    means = _open(context, Follower(context.connector(INTAKE), [directory, hosted, rates]))
    await asyncio.to_thread(means.follower.start)
    services = _services(context, means, directory, hosted, rates)
    signer = HostedSigner(services)
    recovering = asyncio.create_task(_recover(signer))
    tls = tls_server_context(context.pki.files.folder)
    with ExitStack() as held:
        shared, listener = None, None
        if settings.vsdc_processes > 1:
            sockets = [context.socket(vsdc_name(one)) for one in range(1, settings.vsdc_processes + 1)]
            shared = SharedSigner(services, signer, sockets, number)
            await shared.start()
            listener = held.enter_context(shared_port(context.state.run, "vsdc", settings.host, settings.vsdc_port))
        server = Server(
            build_app(services, shared or signer),
            settings.host,
            settings.vsdc_port,
            ssl_context=tls,
            refuse=refuse,
            listener=listener,
        )
        context.announce_port(await server.start())
        following = asyncio.create_task(follow_server_certificate(tls, context.pki.files.folder))
        await stopped.wait()
        following.cancel()
        recovering.cancel()
        await server.stop()
        if shared is not None:
            await shared.stop()
    await means.close()


def _open(context: Context, follower: Follower) -> _Means:
    pool: ConnectionPool[DatabaseConnection] = ConnectionPool(
        context.dsn(INTAKE), min_size=1, max_size=POOL_CONNECTIONS, open=False, check=ConnectionPool.check_connection
    )
    pool.open()
    numbers = Numbers(context.connector(INTAKE))
    numbers.start()
    signing, sequencer = SigningClient(context.socket("signer")), SequencerClient(context.socket("sequencer"))
    checkpoints = checkpoint_exchange(context)
    checkpoints.start()
    return _Means(follower, pool, numbers, signing, sequencer, checkpoints)


def _services(
    context: Context, means: _Means, directory: Directory, hosted: HostedDirectory, rates: Rates
) -> VsdcServices:
    settings = context.settings
    rules = PackageRules(directory=directory, rates=rates, unwrap=NothingSealed(), pack=context.pack, zone=context.zone)
    return VsdcServices(
        pool=means.pool,
        directory=directory,
        hosted=hosted,
        rates=rates,
        numbers=means.numbers,
        signing=means.signing,
        intake=Intake(rules, means.sequencer, Keeper(means.pool.connection)),
        sequencer=means.sequencer,
        clock=system_clock,
        trusted=context.pki.trust_store(),
        pack=context.pack,
        zone=context.zone,
        pac_secret=pac_secret(context.state),
        encryption_key=context.pki.public_key("package"),
        configuration=configuration_of(context),
        languages=common_languages(LANGUAGES, context.pack.languages),
        mrc=settings.vsdc_mrc,
        verification_prefix=f"{settings.public_url.rstrip('/')}/v/?vl=",
        tax_core_api=settings.device_api_url,
        older_interface=settings.vsdc_older_interface,
        processes=settings.vsdc_processes,
        check_open=means.checkpoints.check_open,
    )


async def _recover(signer: HostedSigner) -> None:
    """End what an earlier process began, and from time to time what another one began and left; POS are served
    meanwhile."""
    while True:
        for pause in backoff_seconds(first_seconds=0.5, most_seconds=30):
            try:
                if not await signer.recover():
                    break
            except Fault as fault:
                log.warning("begun invoices are not at their end yet: %s", fault)
            await asyncio.sleep(pause)
        await asyncio.sleep(RECOVER_SECONDS)
