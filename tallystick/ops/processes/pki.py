"""The national PKI on line: lists, OCSP, timestamps, trust list and issuers over plain HTTP, enrolment over TLS, and
what must be done in time.

It is the only serving process that holds keys of authorities. Whoever must not trust it with them lets it publish
only, and brings lists from where the keys are.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from datetime import datetime, timedelta

import attrs
import psycopg
from psycopg_pool import ConnectionPool

from tallystick.authority.problems import Problems
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.pki import api, est_api, lists, operations, queries, revoking, withdrawing
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.pki.values import Issuance
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.pki import DEVICES, DemoPki
from tallystick.crypto.timestamps import ACCURACY_SECONDS
from tallystick.crypto.tls import tls_server_context
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.kit.kernel_clock import is_synchronised
from tallystick.kit.retry import backoff_seconds
from tallystick.ops.command_signing import sign_when_due, unit_plan
from tallystick.ops.pki_registry import enter_hierarchy, enter_services, pki_services
from tallystick.ops.pki_responders import responders, timestamp_unit
from tallystick.ops.pki_service_keys import ServiceKeys
from tallystick.ops.pki_trust import publish_when_due
from tallystick.ops.processes.context import Context, DatabaseConnection, run_until_stopped, system_clock
from tallystick.ops.schema.roles import INTAKE
from tallystick.ops.server_certificate import follow_server_certificate

log = logging.getLogger(__name__)

POOL_CONNECTIONS = 4
_ROUND_SECONDS = 0.25
_LOOK_EVERY = timedelta(seconds=30)
_SIGN_AGAIN = timedelta(seconds=10)
"""How long commands wait for a key or certificate that was not to be had."""


def run() -> None:
    """Serve until stopped."""
    context = Context.load("pki")
    run_until_stopped(context, lambda stopped: _serve(context, stopped), database_role=INTAKE)


async def _serve(context: Context, stopped: asyncio.Event) -> None:
    settings, pki = context.settings, context.pki
    directory, services = Directory(system_clock), pki_services(context.pki)
    follower = Follower(context.connector(INTAKE), [directory])
    await asyncio.to_thread(follower.start)
    pool: ConnectionPool[DatabaseConnection] = ConnectionPool(
        context.dsn(INTAKE), min_size=1, max_size=POOL_CONNECTIONS, open=False, check=ConnectionPool.check_connection
    )
    pool.open()

    def find(name: str, serial: int) -> Issuance | None:
        with pool.connection() as conn:
            return queries.certificate_by_serial(conn, name, serial)

    ocsp = OcspService(directory, find, system_clock)
    timestamps = TimestampService(
        policy=context.pack.certificates.timestamp_policy or services.arc.timestamp_policy,
        clock=system_clock,
        is_synchronised=lambda: settings.timing == "demo" or is_synchronised(ACCURACY_SECONDS),
        view=directory,
        day_most=settings.tsa_day_most,
    )
    keeper = Keeper(context, services, directory, ocsp, timestamps)
    await asyncio.to_thread(keeper.start)
    problems = Problems(settings.operator, system_clock)
    open_doors = Server(
        api.build_app(
            api.PublicationServices(
                connect=pool.connection,
                registry=services.registry,
                ocsp=ocsp,
                timestamps=timestamps,
                clock=system_clock,
                problems=problems,
                proxies=frozenset(settings.public_proxies.replace(",", " ").split()),
            )
        ),
        settings.public_host,
        settings.pki_port,
        refuse=problems.refuse,
    )
    tls = tls_server_context(pki.files.folder, DEVICES)
    enrolment = Server(
        est_api.build_app(
            est_api.EstServices(
                connect=pool.connection,
                pki=services,
                chain=lambda: device_chain(pki),
                trusted=pki.device_trust_store(),
                clock=system_clock,
                problems=problems,
            )
        ),
        settings.host,
        settings.est_port,
        ssl_context=tls,
        limits=HttpLimits(connections=200),
        refuse=problems.refuse,
    )
    write_atomically(context.state.run / "est.port", str(await enrolment.start()).encode(), durable=False)
    context.announce_port(await open_doors.start())
    following = asyncio.create_task(follow_server_certificate(tls, pki.files.folder, DEVICES))
    await stopped.wait()
    following.cancel()
    await open_doors.stop()
    await enrolment.stop()
    await asyncio.to_thread(keeper.stop)
    follower.stop()
    pool.close()


def device_chain(pki: DemoPki) -> tuple[bytes, ...]:
    """What a device has to trust and to send: the root, and the issuers of devices that are believed now."""
    names = ("root", *pki.branches.believed(*DEVICES))
    return tuple(pki.authority_certificate(name) for name in names)


@attrs.define
class Keeper:
    """One thread that keeps lists, responders and our own certificates fresh, and carries out what officers decided."""

    context: Context
    services: PkiServices
    directory: Directory
    ocsp: OcspService
    timestamps: TimestampService
    _stopping: threading.Event = attrs.field(factory=threading.Event, init=False)
    _thread: threading.Thread = attrs.field(init=False)
    _seen: int = attrs.field(default=-1, init=False)
    _looked_at: datetime | None = attrs.field(default=None, init=False)
    _sign_after: datetime | None = attrs.field(default=None, init=False)
    _folder_seen: int = attrs.field(default=-1, init=False)

    @_thread.default
    def _make_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="pki-keeper", daemon=True)

    def start(self) -> None:
        """Take the hierarchy in and do a first round, so that nothing is served without a list; then go on alone."""
        with self.context.connector(INTAKE)() as conn:
            enter_hierarchy(conn, self.context.pki, system_clock())
            conn.commit()
            self.round(conn, system_clock())
        self._thread.start()

    def stop(self) -> None:
        """End the thread after what it is doing."""
        self._stopping.set()
        self._thread.join(15)

    def round(self, conn: DatabaseConnection, now: datetime) -> None:
        """One look: at once what officers decided and what the folder has new, the rest twice a minute."""
        while revoking.revoke_asked(conn, self.services.registry, now) is not None:
            conn.commit()
        has_withdrawn = False
        while (name := withdrawing.withdraw_asked(conn, self.services.registry, now)) is not None:
            conn.commit()
            log.warning("the issuing authority %s is withdrawn", name)
            has_withdrawn = True
        conn.commit()
        self._commands(conn, now)
        folder = self.context.pki.files.folder.stat().st_mtime_ns
        is_time = has_withdrawn or folder != self._folder_seen
        is_time = is_time or self._looked_at is None or now - self._looked_at >= _LOOK_EVERY
        seen = self.directory.revocations_seen
        if not is_time and seen == self._seen:
            return
        if is_time:
            self._folder_seen = folder
            operations.recover(conn, now)
            conn.commit()
            self._follow_branches(conn, now)
            self._renew_our_own(conn, now)
        self._lists(conn, now)
        self._seen, self._looked_at = seen, now

    def _commands(self, conn: DatabaseConnection, now: datetime) -> None:
        """Commands to devices are signed at once: one that waits is a device that sells on."""
        if self._sign_after is not None and now < self._sign_after:
            return
        pack = self.context.pack
        keys = ServiceKeys(self.context.pki, self.services, self.context.signing_unit)
        origin = self.context.settings.log_origin
        signed = sign_when_due(conn, keys, origin, pack.organization_name, pack.country, now)
        self._sign_after = None if signed else now + _SIGN_AGAIN
        conn.commit()

    def _follow_branches(self, conn: DatabaseConnection, now: datetime) -> None:
        """Take in authorities that were put into the folder, and tell the folder which ones are withdrawn."""
        pki = self.context.pki
        if {plan.name for plan in pki.branches.plans} - operations.known_authorities(conn):
            try:
                enter_hierarchy(conn, pki, now)
            except (Fault, OSError, ValueError) as error:
                conn.rollback()
                log.error("an authority in the folder of keys is not taken: %s", error)
            conn.commit()
        withdrawing.follow_root_list(conn, self.services.registry, "process:pki", now)
        conn.commit()
        for name, withdrawn in queries.withdrawals(conn).items():
            if not pki.files.withdrawal(name).exists():
                since = f"{withdrawn.since:%Y-%m-%dT%H:%M:%SZ}\n".encode()
                write_atomically(pki.files.withdrawal(name), since, mode=0o644)
        conn.commit()

    def _lists(self, conn: DatabaseConnection, now: datetime) -> None:
        """Each authority that lives has its list, however long it has not issued; a withdrawn one too."""
        known = queries.authorities(conn).items()
        names = [name for name, der in known if name != operations.ROOT and now < read_facts(der).not_after]
        for name in lists.due(conn, self.services.registry, names, now):
            try:
                lists.make(conn, self.services.registry, name, self.services.authority(name), now)
            except Fault as fault:  # one authority's key is away: the others go on, this one is tried again
                conn.rollback()
                log.warning("no new list of %s: %s", name, fault)

    def _renew_our_own(self, conn: DatabaseConnection, now: datetime) -> None:
        """Responders and the server's certificate, in the last third of their lives."""
        pki, pack = self.context.pki, self.context.pack
        keys = ServiceKeys(pki, self.services, self.context.signing_unit)
        self.ocsp.use(responders(conn, keys, now), queries.authorities(conn))
        self.timestamps.unit = timestamp_unit(conn, keys, pack.organization_name, pack.country, now)
        origin = self.context.settings.log_origin
        keys.hold(conn, unit_plan(conn, keys, pack.organization_name, pack.country, now), now)
        publish_when_due(conn, keys, origin, pack.organization_name, pack.country, now)
        try:
            if pki.renew_tls(now):
                log.info("the server's certificate was renewed")
            if pki.renew_encryption_certificate(pack.organization_name, pack.country, now):
                log.info("the encryption certificate was issued by another authority: restart the device API")
        except (Fault, OSError) as error:
            log.warning("the server's certificate is not renewed: %s", error)
        enter_services(conn, pki, now)
        conn.commit()

    def _run(self) -> None:
        pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
        while not self._stopping.is_set():
            try:
                with self.context.connector(INTAKE)() as conn:
                    while not self._stopping.wait(_ROUND_SECONDS):
                        self.round(conn, system_clock())
                        pauses = backoff_seconds(first_seconds=0.2, most_seconds=10)
            except (psycopg.Error, Fault, OSError, ssl.SSLError) as error:
                log.warning("keeping lists and responders is interrupted: %s", error)
            except Exception:
                log.exception("keeping lists and responders failed")
            self._stopping.wait(next(pauses))
