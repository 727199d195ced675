"""A device listener on loopback with real TLS, a real database and real certificates; devices that talk to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
import uvloop
from psycopg_pool import ConnectionPool
from sdc_recording import RecordingAudit, RecordingIntake

from tallystick.authority.channels.sdc.api import build_app, refusals
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.following import Follower
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey, generate_rsa_key, store_private_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.crypto.tls import tls_client_context, tls_server_context
from tallystick.kernel.fixed_point import Money, Rate
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller, TaxCategoryType
from tallystick.kernel.tax_rates import TaxCategory, TaxRate, TaxRateGroup
from tallystick.kit.http_server import HttpLimits, Server
from tallystick.wire.configuration import Configuration
from tallystick.wire.taxcore_api import Environment

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SERVER_KEY = b"k" * 32
TIN = "100000001"
RATES = TaxRateGroup(
    START - timedelta(days=30),
    1,
    (TaxCategory("VAT", TaxCategoryType.TAX_ON_NET, 1, (TaxRate("A", Rate.of(9)), TaxRate("Ж", Rate.of(19)))),),
)
CONFIGURATION = Configuration(
    organization_name="Test Authority",
    server_time_zone="UTC",
    street="Ice Road 1",
    city="Atlantis",
    country="AQ",
    endpoints={"taxCoreApi": "https://localhost:8443/", "root": "https://localhost:8440/v/?vl="},
    environment_name="TEST",
    logo="",
    ntp_server="0.pool.example",
    supported_languages=("en-US",),
)


@attrs.define
class TestClock:
    """A clock that a test turns."""

    __test__ = False
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@attrs.frozen
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The fault's code; the shape of a problem is checked by the way."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"].endswith(problem["code"])
        assert {"title", "instance", "retry", "fix_by", "server_time"} <= set(problem)
        assert "Traceback" not in self.body.decode()
        return str(problem["code"])


class Pki:
    """Two environments of one make, and cards of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key: PrivateKey = generate_rsa_key()
        self.ours = self._create("ours", (1, 9))
        self.foreign = self._create("foreign", (5, 8))
        self._number = 0

    def _create(self, name: str, environment: tuple[int, int]) -> DemoPki:
        return DemoPki.create(
            self.folder / name, environment=environment, organization="Test Authority", country="AQ", at=START
        )

    def subject(self, uid: str, tin: str = TIN) -> CardSubject:
        seller = Seller(
            tin=Tin(tin),
            business_name="Corner Shop Ltd",
            location_name="Shop 1",
            address="Main Street 1",
            district="North",
            city="Atlantis",
            country="AQ",
        )
        return CardSubject(Uid(uid), seller, "https://localhost:8443/")

    def signing_certificate(self, uid: str) -> bytes:
        return self.ours.issue_secure_element(self.subject(uid), self.key.public.spki, at=START)

    def client_certificate(
        self, uid: str, *, tin: str = TIN, issuer: DemoPki | None = None, at: datetime = START
    ) -> bytes:
        return (issuer or self.ours).issue_pki_client(self.subject(uid, tin), self.key.public.spki, at=at)

    def client_context(self, certificate: bytes | None) -> ssl.SSLContext:
        root = self.ours.files.root
        if certificate is None:
            return tls_client_context(root)
        self._number += 1
        cert, key = self.folder / f"client-{self._number}.pem", self.folder / f"client-{self._number}-key.pem"
        cert.write_bytes(pem_of(certificate))
        store_private_key(key, self.key)
        return tls_client_context(root, cert, key)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("sdc-pki"))


class Device:
    """A device: one certificate, one token, plain HTTP/1.1 over TLS."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port = port
        self.context = context
        self.token: str | None = None

    def call(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=20, context=self.context)
        try:
            sent = {"TaxCoreAuthenticationToken": self.token} if self.token else {}
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            fields = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, fields, answer.read())
        finally:
            connection.close()

    def sign_in(self) -> str:
        reply = self.call("GET", "/api/v3/sdc/token")
        assert reply.status == 200, reply.body
        self.token = reply.json["token"]
        return self.token


@attrs.define
class Authority:
    """A running listener with what stands behind it."""

    services: SdcServices
    port: int
    dsn: str
    pki: Pki
    clock: TestClock
    intake: RecordingIntake
    audit: RecordingAudit
    follower: Follower

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn, autocommit=True)

    def register(self, uid: str) -> None:
        with self.database() as conn:
            registry.register_taxpayer(conn, Taxpayer(Tin(TIN), "Corner Shop Ltd"))
            registry.register_secure_element(
                conn,
                self.pki.signing_certificate(uid),
                environment=(1, 9),
                encryption_key="package-1",
                limit=Money.of(50_000),
            )
        self.refresh()

    def refresh(self) -> None:
        """What the follower does within a moment, now."""
        with self.database() as conn:
            services = self.services
            for view in (services.directory, services.rates, services.outstanding, services.builds):
                view.refresh(conn)

    def device(self, uid: str = "ABCD1234", *, certificate: bytes | None = None, signed_in: bool = True) -> Device:
        self.register(uid)
        device = Device(self.port, self.pki.client_context(certificate or self.pki.client_certificate(uid)))
        if signed_in:
            device.sign_in()
        return device

    def stranger(self, certificate: bytes | None = None) -> Device:
        return Device(self.port, self.pki.client_context(certificate))


@pytest.fixture
def start(database: str, pki: Pki) -> Iterator[Callable[..., Authority]]:
    """``start()`` gives a running authority; keyword arguments replace services."""
    stops: list[Callable[[], None]] = []

    def run(**changes: Any) -> Authority:
        clock, intake, audit = TestClock(), RecordingIntake(), RecordingAudit()
        pool = ConnectionPool(database, min_size=1, max_size=4, open=True, name="sdc")
        with psycopg.connect(database) as conn:
            taxrates.publish_group(conn, RATES)
        directory, rates, outstanding = Directory(clock), Rates(), Outstanding()
        follower = Follower(lambda: psycopg.connect(database), [directory, rates, outstanding])
        follower.start()
        settings: dict[str, Any] = {
            "pool": pool,
            "directory": directory,
            "rates": rates,
            "outstanding": outstanding,
            "intake": intake,
            "audit": audit,
            "clock": clock,
            "trusted": pki.ours.trust_store(),
            "environment": (1, 9),
            "server_key": SERVER_KEY,
            "configuration": CONFIGURATION,
            "environments": (Environment("Test", "test.example", "For tests", "TEST"),),
            "encryption_certificate": pki.ours.encryption_certificate,
            "operator": "fdo.example",
            **changes,
        }
        limits = settings.pop("limits", None)
        services = SdcServices(**settings)
        port, stop = serve(services, pki, limits)
        stops.extend((stop, follower.stop, pool.close))
        return Authority(services, port, database, pki, clock, intake, audit, follower)

    yield run
    for stop in stops:
        stop()


def serve(services: SdcServices, pki: Pki, limits: HttpLimits | None) -> tuple[int, Callable[[], None]]:
    """Serve from a thread of its own. Chains of the foreign environment pass TLS, so that they get our code."""
    context = tls_server_context(pki.ours.files.folder)
    context.load_verify_locations(pki.foreign.files.client_authority)
    ready, ended = threading.Event(), threading.Event()
    state: dict[str, Any] = {}

    async def main() -> None:
        server = Server(
            build_app(services), "127.0.0.1", 0, ssl_context=context, limits=limits, refuse=refusals(services)
        )
        state["port"] = await server.start()
        state["loop"], state["stop"] = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await state["stop"].wait()
        await server.stop()
        ended.set()

    thread = threading.Thread(target=lambda: uvloop.run(main()), daemon=True)
    thread.start()
    assert ready.wait(10)

    def stop() -> None:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join(20)
        assert ended.is_set(), "the server did not stop"

    return int(state["port"]), stop


@pytest.fixture
def authority(start: Callable[..., Authority]) -> Authority:
    """A running authority."""
    return start()
