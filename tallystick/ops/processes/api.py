"""The device API: TaxCore.API over TLS, with the pipeline behind it."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import attrs
from psycopg_pool import ConnectionPool

from tallystick.authority.assurance.witnesses.exchange import CheckpointExchange
from tallystick.authority.channels.sdc.api import build_app, refusals
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.unwrap_client import UnwrapClient
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.reference.builds.directory import BuildDirectory
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.tls import tls_server_context
from tallystick.kit.atomic_file import read_or_make
from tallystick.kit.http_server import Server
from tallystick.ops.processes.assurance import checkpoint_exchange
from tallystick.ops.processes.context import Context, DatabaseConnection, run_until_stopped, system_clock
from tallystick.ops.processes.proofs import audit_desk
from tallystick.ops.schema.roles import INTAKE
from tallystick.ops.server_certificate import follow_server_certificate
from tallystick.wire.configuration import Configuration
from tallystick.wire.taxcore_api import Environment

POOL_CONNECTIONS = 6


def run() -> None:
    """Serve until stopped."""
    context = Context.load("api")
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=INTAKE)


def configuration_of(context: Context) -> Configuration:
    """The environment document that devices and POS get."""
    pack, settings = context.pack, context.settings
    host = settings.public_url.split("://")[-1].split("/")[0]
    return Configuration(
        organization_name=pack.organization_name,
        server_time_zone=pack.server_time_zone,
        street=pack.street,
        city=pack.city,
        country=pack.country,
        endpoints={
            "taxpayerAdminPortal": settings.portal_url,
            "taxCoreApi": settings.device_api_url,
            "vsdc": settings.vsdc_url,
            "root": f"{settings.public_url.rstrip('/')}/v/?vl=",
        },
        environment_name=context.environment_name,
        logo="",
        ntp_server=settings.ntp_server or host,
        supported_languages=pack.languages,
    )


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    settings = context.settings
    directory, rates, outstanding = Directory(system_clock), Rates(), Outstanding()
    builds = BuildDirectory(context.pack.certification)
    connect = context.connector(INTAKE)
    follower = Follower(connect, [directory, rates, outstanding, builds])
    await asyncio.to_thread(follower.start)
    pool: ConnectionPool[DatabaseConnection] = ConnectionPool(
        context.dsn(INTAKE), min_size=1, max_size=POOL_CONNECTIONS, open=False, check=ConnectionPool.check_connection
    )
    pool.open()
    unwrap, sequencer = UnwrapClient(*context.unwrap_sockets), SequencerClient(context.socket("sequencer"))
    rules = PackageRules(directory=directory, rates=rates, unwrap=unwrap, pack=context.pack, zone=context.zone)
    policy = IntakePolicy(budget=BudgetPolicy(enabled=settings.failure_budget))
    checkpoints = checkpoint_exchange(context)
    checkpoints.start()
    intake = Intake(rules, sequencer, Keeper(pool.connection), policy, checkpoints.check_open)
    await intake.remember_refusals(system_clock())
    services = _services(context, pool, directory, rates, outstanding, intake, checkpoints)
    services = attrs.evolve(services, builds=builds)
    tls = tls_server_context(context.pki.files.folder)
    server = Server(
        build_app(services),
        settings.host,
        settings.device_api_port,
        ssl_context=tls,
        tries=1,
        refuse=refusals(services),
    )
    context.announce_port(await server.start())
    following = asyncio.create_task(follow_server_certificate(tls, context.pki.files.folder))
    await stopped.wait()
    following.cancel()
    await server.stop()
    await asyncio.to_thread(checkpoints.stop)
    follower.stop()
    await unwrap.close()
    await sequencer.close()
    pool.close()


def _token_secret(path: Path) -> bytes:
    """What makes tokens, kept across restarts. A secret of its own: this process holds none of the authority's keys."""
    return read_or_make(path, lambda: secrets.token_bytes(32))


def _services(
    context: Context,
    pool: ConnectionPool[DatabaseConnection],
    directory: Directory,
    rates: Rates,
    outstanding: Outstanding,
    intake: Intake,
    checkpoints: CheckpointExchange,
) -> SdcServices:
    settings = context.settings
    server_key = _token_secret(context.state.keys / "token-secret")
    host = settings.device_api_url.split("://")[-1].split("/")[0]
    return SdcServices(
        pool=pool,
        directory=directory,
        rates=rates,
        outstanding=outstanding,
        intake=intake,
        audit=audit_desk(context),
        clock=system_clock,
        trusted=context.pki.trust_store(),
        environment=context.pack.environment,
        server_key=server_key,
        configuration=configuration_of(context),
        environments=(Environment(context.pack.name, host, context.pack.organization_name, context.environment_name),),
        encryption_certificate=context.pki.encryption_certificate,
        operator=settings.operator,
        checkpoints=checkpoints,
    )
