"""Our E-SDC against our authority, without network and threads of either: only TLS and the timers are left out.

The device, its virtual card and its store are the real ones; so are the HTTP application, pipeline, unwrap process,
sequencer, PostgreSQL and the worker's round. A test moves the one clock of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import attrs
import psycopg
from cards import Country
from esdc_authority import SmallAuthority
from esdc_bench import PIN, UID, Bench, body, calm_country, configuration, open_package, pack
from esdc_power import hold_round
from esdc_rounds import TIMING
from intake_live import Live, live_intake

from benchmarks.package_maker import LIMIT
from tallystick.authority.channels.sdc.api import build_app
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.projections.audit import tasks
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.tasks import Done, ProofServices
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.tasks import publish_registrations
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.certificates import der_of
from tallystick.crypto.envelope import open_arp, sign_with_recovery
from tallystick.crypto.keys import PrivateKey
from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_round import Round
from tallystick.device.esdc.authority_client import HttpAnswer
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.store import Store
from tallystick.device.secure_element import BesideCard
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.kit.asgi import App
from tallystick.ops.processes.worker import registration_of
from tallystick.wire.taxcore_api import AuditAnswer, write_audit_answer

SETTLE, PAUSE = timedelta(seconds=2), timedelta(seconds=1)
TIN = "123456789"


@attrs.define
class RealAuthority:
    """Calls of a device, handed to the HTTP application on its own loop; the network may lose and change some."""

    app: App
    loop: asyncio.AbstractEventLoop
    certificate: Callable[[], bytes]
    calls: list[tuple[str, str, int]] = attrs.field(factory=list)
    swallowed: set[int] = attrs.field(factory=set)
    """Ordinals whose packages get status 4 from whoever sits in between, and never arrive."""
    change: Callable[[str, HttpAnswer], HttpAnswer] = lambda path, answer: answer

    def give_token(self) -> HttpAnswer:
        """The one call that shows the certificate."""
        return self._call("GET", "/api/v3/sdc/token", None, {}, self.certificate())

    def answer(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """Every other call."""
        if path.endswith("/audit") and body and open_package(body).result.number.ordinal in self.swallowed:
            return HttpAnswer(200, {}, write_audit_answer(AuditAnswer(4)))
        return self.change(path, self._call(method, path, body, headers, None))

    def _call(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], certificate: bytes | None
    ) -> HttpAnswer:
        work = self._ask(method, path, body or b"", headers, certificate)
        answer = asyncio.run_coroutine_threadsafe(work, self.loop).result(20)
        self.calls.append((method, path.rsplit("/sdc/", 1)[-1], answer.status))
        return answer

    async def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], certificate: bytes | None
    ) -> HttpAnswer:
        fields = {name.lower(): value for name, value in headers.items()} | {"content-length": str(len(body))}
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields.items()],
            "extensions": {"tls": {"client_cert_der": certificate}},
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        told = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return HttpAnswer(sent[0]["status"], told, b"".join(one.get("body", b"") for one in sent[1:]))


@attrs.define
class WholeAudit:
    """One shop and one authority in the hand of a test."""

    live: Live
    bench: Bench
    memory: AuditMemory
    authority: RealAuthority
    services: ProofServices
    outstanding: Outstanding

    @property
    def store(self) -> Store:
        """The device's store."""
        assert self.bench.device.session is not None
        return self.bench.device.session.store

    def unaudited(self) -> Money:
        """What the card has not been relieved of."""
        assert self.bench.device.session is not None
        return self.bench.device.session.card.amount_status().sum

    def sell(self, times: int = 1) -> None:
        """Sales of 68.46 each."""
        for _ in range(times):
            self.bench.clock.forward(seconds=0.1)
            self.bench.device.sell(Order(body=body()))

    async def round(self, seconds: float = 1) -> Round:
        """Some time passes, then one round of the device; readers of the ledger follow."""
        self.bench.clock.forward(seconds=seconds)
        with self.live.pool.connection() as conn:
            self.outstanding.refresh(conn)
        authority = cast("SmallAuthority", self.authority)
        end = await asyncio.to_thread(hold_round, self.bench.device, self.memory, authority)
        self.store.write_notes()
        await self.live.shown()
        return end

    async def work(self, seconds: float = 1) -> Done:
        """Some time passes, then one round of the authority's worker."""
        self.bench.clock.forward(seconds=seconds)
        await self.live.shown()

        def decide() -> Done:
            with self.live.pool.connection() as conn:
                return tasks.decide(conn, self.services, self.bench.clock())

        done = await asyncio.to_thread(decide)
        await self.live.shown()
        return done


def _register(dsn: str, home: Country, certificate: bytes) -> None:
    with psycopg.connect(dsn) as conn:
        registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Sample Ltd"))
        registry.register_secure_element(
            conn, certificate, environment=pack().environment, encryption_key="package", limit=LIMIT
        )
        for group in pack().tax_groups:
            taxrates.publish_group(conn, group)


def _publish(dsn: str, socket: Path) -> None:
    """The worker's duty: the card's registration becomes an entry of the ledger."""
    with psycopg.connect(dsn) as conn:
        assert publish_registrations(conn, lambda entry: append_blocking(socket, registration_of(entry))) == 1


@asynccontextmanager
async def whole_audit(
    dsn: str, folder: Path, keys: list[PrivateKey], *, keep_until_proof: bool = False, limit: int = 100_000
) -> AsyncIterator[WholeAudit]:
    """Everything over a migrated, empty database; switched off with the block."""
    home = calm_country()
    settings = EsdcSettings(mrc="99-0100-" + UID, timing=TIMING, keep_until_proof=keep_until_proof)
    bench = Bench(folder / "shop", settings=settings, limit=Money.of(limit))
    assert bench.device.session is not None
    certificate = bench.device.session.card.certificate()
    _register(dsn, home, certificate)
    authority_keys = [home.package_key, *keys[1:]]
    async with live_intake(dsn, folder, authority_keys, pack(), clock=bench.clock, cards=0) as live:
        directory, rates, outstanding = Directory(bench.clock), Rates(), Outstanding()
        await asyncio.to_thread(_publish, dsn, folder / "sequencer")
        with psycopg.connect(dsn) as conn:
            for view in (directory, rates, outstanding):
                view.refresh(conn)
        rules = attrs.evolve(live.rules, directory=directory, rates=rates, pack=pack(), zone=ZoneInfo(pack().time_zone))
        policy = IntakePolicy(budget=BudgetPolicy(enabled=False), uniform_seconds=0.0)
        apart = QuarantineAndEvidence()
        services = SdcServices(
            pool=live.pool,
            directory=directory,
            rates=rates,
            outstanding=outstanding,
            intake=Intake(rules, live.sequencer, Keeper(live.pool.connection), policy),
            audit=AuditDesk(lambda payload: open_arp(payload, home.package_key), apart),
            clock=_following(directory, bench, dsn),
            trusted=home.pki.trust_store(),
            environment=pack().environment,
            server_key=b"k" * 32,
            configuration=configuration(),
            environments=(),
            encryption_certificate=home.pki.encryption_certificate,
            operator="fdo.example",
        )
        proofs = ProofServices(
            strategy=EveryDocument(settle=SETTLE, pause=PAUSE),
            apart=apart,
            sign=lambda message: sign_with_recovery(message, home.poa_key),
            append=lambda entry: append_blocking(folder / "sequencer", entry),
        )
        client = BesideCard(bench.folder / UID)
        authority = RealAuthority(
            build_app(services),
            asyncio.get_running_loop(),
            lambda: der_of(client.token_client(UID).certificate.read_bytes()),
        )
        bench.device.verify_pin(PIN)
        whole = WholeAudit(live, bench, AuditMemory(), authority, proofs, outstanding)
        await whole.round()
        try:
            yield whole
        finally:
            bench.close()


def _following(directory: Directory, bench: Bench, dsn: str) -> Callable[[], Any]:
    """The clock of both; the registry's view follows it, as its follower sees to elsewhere."""

    def now() -> Any:
        if directory.refreshed_at is None or bench.clock() - directory.refreshed_at > timedelta(minutes=1):
            with psycopg.connect(dsn) as conn:
                directory.refresh(conn)
        return bench.clock()

    return now
