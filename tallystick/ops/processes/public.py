"""The public listener: verification of receipts, checkpoint, tiles and proofs. All but buyers' sightings only reads."""

from __future__ import annotations

import asyncio
import secrets

from psycopg import sql
from psycopg_pool import ConnectionPool

from tallystick.authority.projections.verification.api import build_app, refusals
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.authority.projections.verification.page_tokens import PageTokens
from tallystick.authority.projections.verification.services import PublicServices
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto.policy import install_registry
from tallystick.kit.http_server import Server
from tallystick.ops.inspections import BuyersSightings
from tallystick.ops.national_receipts import NationalRecords
from tallystick.ops.processes.context import Context, DatabaseConnection, run_until_stopped, system_clock
from tallystick.ops.schema.roles import PORTAL

POOL_CONNECTIONS = 6
DATABASE_WAIT_SECONDS = 3.0
SIGHTING_MS = 500
_TOKEN_SECRET_BYTES = 32


def run() -> None:
    """Serve until stopped."""
    context = Context.load("public")
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=PORTAL)


def open_pool(dsn: str) -> ConnectionPool[DatabaseConnection]:
    """Connections for single questions; each is checked before it is lent, and refuses to write."""
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=POOL_CONNECTIONS,
        timeout=DATABASE_WAIT_SECONDS,
        kwargs={"autocommit": True},
        configure=_only_read,
        check=ConnectionPool.check_connection,
        open=True,
    )


def open_sightings(dsn: str) -> ConnectionPool[DatabaseConnection]:
    """One connection for the only thing that this process writes; whoever cannot have it at once goes without."""
    return ConnectionPool(
        dsn,
        min_size=0,
        max_size=1,
        timeout=SIGHTING_MS / 1000,
        kwargs={"autocommit": True},
        configure=_hurry,
        open=True,
    )


def _hurry(connection: DatabaseConnection) -> None:
    connection.execute(sql.SQL("SET statement_timeout = {}").format(sql.Literal(SIGHTING_MS)))


def _only_read(connection: DatabaseConnection) -> None:
    connection.execute("SET default_transaction_read_only = on")


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    settings, pack = context.settings, context.pack
    install_registry(pack.algorithms)
    directory = Directory(system_clock)
    follower = Follower(context.connector(PORTAL), [directory])
    await asyncio.to_thread(follower.start)
    pool = open_pool(context.dsn(PORTAL))
    sightings = open_sightings(context.dsn(PORTAL))
    records = NationalRecords(pool.connection)
    services = PublicServices(
        find_element=directory.secure_element,
        ledger=LedgerView(pool.connection, context.state.tiles),
        page_tokens=PageTokens(secrets.token_bytes(_TOKEN_SECRET_BYTES)),
        zone=context.zone,
        default_language=next(PAGE_LANGUAGES[tag] for tag in (*pack.languages, "en-US") if tag in PAGE_LANGUAGES),
        clock=system_clock,
        operator=settings.operator,
        sightings=BuyersSightings(sightings.connection, system_clock),
        secure_cookies=settings.public_url.startswith("https:"),
        registers=records,
        is_kept_apart=records.is_kept_apart,
        find_on_its_way=records.on_its_way,
        offline_limit=pack.channels.offline_limit,
        proxies=frozenset(settings.public_proxies.replace(",", " ").split()),
    )
    server = Server(build_app(services), settings.public_host, settings.public_port, refuse=refusals(services))
    context.announce_port(await server.start())
    await stopped.wait()
    await server.stop()
    follower.stop()
    pool.close()
    sightings.close()
