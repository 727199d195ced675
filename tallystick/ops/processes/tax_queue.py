"""The worker's part in the queue to the tax service: it follows the ledger, sends, and serves figures on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import attrs
from psycopg_pool import ConnectionPool

from tallystick.authority.problems import Problems
from tallystick.authority.projections.taxservice.api import QueueServices, build_app
from tallystick.authority.projections.taxservice.sending import Sender
from tallystick.authority.projections.taxservice.tasks import deliver, follow
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.processes.public import open_pool
from tallystick.ops.schema.roles import PORTAL
from tallystick.ops.tax_service import tax_service

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 10.0


@attrs.frozen
class TaxQueueWork:
    """Two duties with connections of their own: a service that is slow or away never delays the fold."""

    zone: ZoneInfo
    sender: Sender | None

    @classmethod
    def of(cls, context: Context, stopped: threading.Event) -> TaxQueueWork:
        """From the settings; raises ``SettingsError``. Without an address nothing is sent, and documents wait."""
        service = tax_service(context.settings)
        if service is None:
            return cls(context.zone, None)
        in_flight = context.settings.tax_service_in_flight
        return cls(context.zone, Sender(service, context.zone, system_clock, in_flight, stopping=stopped.is_set))

    def follow(self, conn: DatabaseConnection) -> None:
        """Take new documents in."""
        follow(conn, self.zone, system_clock)

    def deliver(self, conn: DatabaseConnection) -> None:
        """Send what is due."""
        if self.sender is not None:
            deliver(conn, self.sender)

    def close(self) -> None:
        """End the threads that send."""
        if self.sender is not None:
            self.sender.close()


@contextmanager
def serve_figures(context: Context) -> Iterator[int]:
    """Serve the figures from a thread of their own, always on loopback, as long as the block runs; gives the port."""
    pool: ConnectionPool[DatabaseConnection] = open_pool(context.dsn(PORTAL))
    services = QueueServices(
        connect=pool.connection,
        clock=system_clock,
        zone=context.zone,
        problems=Problems(context.settings.operator, system_clock),
    )
    loop, bound = asyncio.new_event_loop(), threading.Event()
    server = Server(
        build_app(services),
        _LOOPBACK,
        context.settings.tax_queue_port,
        limits=HttpLimits(connections=50),
        refuse=services.problems.refuse,
    )
    ports: list[int] = []

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            ports.append(loop.run_until_complete(server.start()))
        finally:
            bound.set()
        loop.run_forever()

    thread = threading.Thread(target=run, name="tax-queue-figures", daemon=True)
    thread.start()
    bound.wait(_START_SECONDS)
    if not ports:
        pool.close()
        raise OSError("the figures of the tax queue find no port")
    write_atomically(context.state.run / "tax-queue.port", str(ports[0]).encode(), durable=False)
    try:
        yield ports[0]
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(_START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_START_SECONDS)
        loop.close()
        pool.close()
