"""A hosted signer on loopback: real TLS, certificates, database, pipeline and ledger; only processes are left out."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
import uvloop
from esdc_bench import live_country
from intake_bench import reference_pack
from psycopg_pool import ConnectionPool

from benchmarks.log_key import file_signers
from tallystick.authority.channels.vsdc.api import build_app, refuse
from tallystick.authority.channels.vsdc.directory import HostedDirectory
from tallystick.authority.channels.vsdc.hosted_signer import HostedSigner
from tallystick.authority.channels.vsdc.numbers import Numbers
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.signing import SigningClient, serve_signing
from tallystick.authority.intake.hosted import NothingSealed
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.pipeline import Intake
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.sequencer import Sequencer, writer_settings
from tallystick.authority.ledger.writer import State
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.client_bundle import read_bundle
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.tls import tls_client_context, tls_server_context
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.invoice import Seller
from tallystick.kit.http_server import Server
from tallystick.ops.hosting import Addresses, PosPapers, enrol, make_signer
from tallystick.ops.schema.roles import INTAKE, SEQUENCER, as_role
from tallystick.wire.configuration import Configuration
from tallystick.wire.journal import LANGUAGES
from tallystick.wire.pos_languages import common_languages

PAC_SECRET = b"p" * 32
ADDRESSES = Addresses(api_url="https://127.0.0.1:8443/", vsdc_url="https://127.0.0.1:8446/")
PREFIX = "http://127.0.0.1:8440/v/?vl="


def seller(number: int = 1) -> Seller:
    """A taxpayer with one shop."""
    return Seller(
        tin=Tin(f"{100_000_000 + number}"),
        business_name=f"Bakery {number} Ltd",
        location_name=f"Bakery {number}",
        address=f"Ice Road {number}",
        district="Harbour",
        city="Atlantis",
        country="AQ",
    )


def basket(**changes: Any) -> dict[str, Any]:
    """An invoice request of two items."""
    request: dict[str, Any] = {
        "invoiceType": "Normal",
        "transactionType": "Sale",
        "cashier": "Ana",
        "payment": [{"amount": 12.5, "paymentType": "Cash"}],
        "options": {"omitQRCodeGen": "1"},
        "items": [
            {"name": "Coffee", "quantity": 1, "unitPrice": 2.5, "labels": ["A"], "totalAmount": 2.5},
            {"name": "Bread", "quantity": 2, "unitPrice": 5, "labels": ["A"], "totalAmount": 10},
        ],
    }
    return request | changes


@attrs.define
class TurnedClock:
    """The machine's clock, which a test may move."""

    ahead_seconds: float = 0.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.ahead_seconds, UTC)


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
        """Our fault code."""
        return self.headers.get("ts-code", "")

    @property
    def errors(self) -> list[tuple[str, list[str]]]:
        """Properties and codes of the wire's error shape."""
        assert set(self.json) == {"message", "modelState"}
        return [(one["property"], one["errors"]) for one in self.json["modelState"]]


class Pos:
    """One POS with one kept connection."""

    def __init__(self, port: int, context: ssl.SSLContext, pac: str | None, uid: str = "") -> None:
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        self.pac = pac
        self.uid = uid

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        sent = {"Content-Type": "application/json", **({"PAC": self.pac} if self.pac is not None else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())

    def sell(self, request: dict[str, Any] | None = None, **headers: str) -> Reply:
        return self.ask("POST", "/api/v3/invoices", json.dumps(request or basket()).encode(), **headers)

    def close(self) -> None:
        self._connection.close()


@attrs.define
class Hosted:
    """Handles on everything that runs; `call` runs a coroutine in the loop of the server."""

    port: int
    dsn: str
    folder: Path
    pki: DemoPki
    keys: KeyStore
    pack: CountryPack
    services: VsdcServices
    signer: HostedSigner
    sequencer: Sequencer
    clock: TurnedClock
    loop: asyncio.AbstractEventLoop
    opened: list[Pos] = attrs.field(factory=list)

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn, autocommit=True)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self.database() as conn:
            return conn.execute(query, parameters).fetchall()

    def refresh(self) -> None:
        """What the follower does within a moment, now."""
        with self.database() as conn:
            for view in (self.services.directory, self.services.hosted, self.services.rates):
                view.refresh(conn)

    def add_signer(self) -> SecureElementEntry:
        with self.database() as conn:
            made = make_signer(conn, self.pki, self.keys, self.pack, ADDRESSES, self.clock())
        self.refresh()
        return made

    def papers(self, number: int = 1) -> PosPapers:
        with self.database() as conn:
            made = enrol(conn, self.pki, self.pack, seller(number), ADDRESSES, self.clock(), pac_secret=PAC_SECRET)
        self.refresh()
        return made

    def context_for(self, key_pem: bytes, certificate_pem: bytes) -> ssl.SSLContext:
        file = self.folder / f"client-{len(list(self.folder.glob('client-*')))}.pem"
        file.write_bytes(key_pem + certificate_pem)
        return tls_client_context(self.pki.files.root, file, file)

    def pos(self, papers: PosPapers | None = None, *, number: int = 1, pac: str | None = "right") -> Pos:
        made = papers or self.papers(number)
        key, certificate, _ = read_bundle(made.bundle, made.password)
        return self.keep(
            Pos(self.port, self.context_for(key, certificate), made.pac if pac == "right" else pac, made.uid)
        )

    def keep(self, pos: Pos) -> Pos:
        self.opened.append(pos)
        return pos

    def numbers(self, requested_by: str) -> list[tuple[str, int]]:
        """Signer and ordinal of every document that the ledger has of a POS, in order."""
        return self.rows(
            "SELECT signed_by, se_total FROM ledger.identity WHERE requested_by = %s AND se_total > 0 "
            "ORDER BY signed_by, se_total",
            requested_by,
        )


class HostedThread:
    """Runs a hosted signer in a thread of its own until `stop`."""

    def __init__(self, dsn: str, folder: Path, *, keys: KeyStore | None = None, **changes: Any) -> None:
        self._dsn, self._folder, self._changes = dsn, folder, changes
        self._keys = keys
        self._ready, self._loop = threading.Event(), None
        self._stopped: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.hosted: Hosted
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Hosted:
        self._thread.start()
        assert self._ready.wait(60)
        if self._failure is not None:
            raise self._failure
        return self.hosted

    def stop(self) -> None:
        for pos in self.hosted.opened:
            pos.close()
        assert self._stopped is not None
        self.hosted.loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the hosted signer did not stop"

    def _run(self) -> None:
        try:
            uvloop.run(self._main())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _main(self) -> None:
        pack = reference_pack()
        pki = _pki(self._folder, pack)
        keys = self._keys or SealedKeys(self._folder / "signing", b"passphrase")
        clock, dsn = TurnedClock(), self._dsn
        with psycopg.connect(dsn) as conn:
            for group in pack.tax_groups:
                taxrates.publish_group(conn, group)
        sequencer = await _sequencer(dsn, self._folder, clock)
        stop_signing = asyncio.Event()
        signing_task = asyncio.create_task(serve_signing(self._folder / "signer", keys, stop_signing))
        directory, hosted, rates = Directory(clock), HostedDirectory(), Rates()
        client, signing = SequencerClient(self._folder / "sequencer"), SigningClient(self._folder / "signer")
        numbers = Numbers(lambda: psycopg.connect(as_role(dsn, INTAKE)))
        numbers.start()
        zone = ZoneInfo(pack.time_zone)
        with ConnectionPool(as_role(dsn, INTAKE), min_size=1, max_size=4, open=True) as pool:
            rules = PackageRules(directory=directory, rates=rates, unwrap=NothingSealed(), pack=pack, zone=zone)
            values: dict[str, Any] = {
                "pool": pool,
                "directory": directory,
                "hosted": hosted,
                "rates": rates,
                "numbers": numbers,
                "signing": signing,
                "intake": Intake(rules, client, Keeper(pool.connection)),
                "sequencer": client,
                "clock": clock,
                "trusted": pki.trust_store(),
                "pack": pack,
                "zone": zone,
                "pac_secret": PAC_SECRET,
                "encryption_key": pki.public_key("package"),
                "configuration": _configuration(pack),
                "languages": common_languages(LANGUAGES, pack.languages),
                "mrc": "02-0001-TEST",
                "verification_prefix": PREFIX,
                "tax_core_api": ADDRESSES.api_url,
            }
            services = VsdcServices(**(values | self._changes))
            signer = HostedSigner(services)
            context = tls_server_context(pki.files.folder)
            server = Server(build_app(services, signer), "127.0.0.1", 0, ssl_context=context, refuse=refuse)
            self._tls = context
            port = await server.start()
            self._stopped = asyncio.Event()
            loop = asyncio.get_running_loop()
            self.hosted = Hosted(port, dsn, self._folder, pki, keys, pack, services, signer, sequencer, clock, loop)
            self.hosted.refresh()
            self._ready.set()
            await self._stopped.wait()
            await server.stop()
            await asyncio.to_thread(numbers.stop)
        await signing.close()
        await client.close()
        stop_signing.set()
        await signing_task
        await sequencer.stop()

    def trust_too(self, authority: Path) -> None:
        """Let chains of another authority pass TLS, so that they get our code."""
        self._tls.load_verify_locations(authority)


def _pki(folder: Path, pack: CountryPack) -> DemoPki:
    """A copy of the one country of this test process, since making one costs half a second."""
    if not (folder / "pki").exists():
        shutil.copytree(live_country().pki.files.folder, folder / "pki")
    return DemoPki.load(folder / "pki", environment=pack.environment)


async def _sequencer(dsn: str, folder: Path, clock: Callable[[], datetime]) -> Sequencer:
    log_key = folder / "log-key.pem"
    signers = file_signers(log_key, "fdo.example/test/vsdc")
    settings = writer_settings(as_role(dsn, SEQUENCER), folder / "mirror", signers, "fdo.example/test/vsdc", clock)
    sequencer = Sequencer(settings, folder / "sequencer")
    await sequencer.start()
    while sequencer.writer.state is not State.SERVING:
        await asyncio.sleep(0.01)
    return sequencer


def _configuration(pack: CountryPack) -> Configuration:
    return Configuration(
        organization_name=pack.organization_name,
        server_time_zone=pack.server_time_zone,
        street=pack.street,
        city=pack.city,
        country=pack.country,
        endpoints={"taxCoreApi": ADDRESSES.api_url, "vsdc": ADDRESSES.vsdc_url, "root": PREFIX},
        environment_name="TEST",
        logo="",
        ntp_server="0.pool.example",
        supported_languages=pack.languages,
    )
