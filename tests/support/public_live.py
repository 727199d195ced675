"""A country in small for the public listener and the portal: real database, registry, ledger and processes.

The sequencer, the opener of packages and the pipeline run in this process, listener and pages in processes of their
own, as in an installation.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import attrs
import psycopg
from intake_live import Live, live_intake

from benchmarks.package_maker import ENVIRONMENT, LIMIT, Card, basket, sale, seal
from tallystick.authority.ledger.tasks import export_tiles
from tallystick.authority.reference.registry.operations import (
    create_user,
    register_secure_element,
    register_taxpayer,
)
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, InvoiceResult, Seller
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.journal import JournalFacts, render_journal
from tallystick.wire.journal_languages import LANGUAGES

Result = TypeVar("Result")
START_SECONDS = 60
STOP_SECONDS = 20
SELLER = Seller(
    tin=Tin("123456789"),
    business_name="Corner Shop Ltd",
    location_name="Corner Shop 1",
    address="1 Main Street",
    district="Centre",
    city="McMurdo",
    country="AQ",
)


@cache
def rsa_keys() -> list[PrivateKey]:
    """Four keys that all tests of a process share."""
    return [generate_rsa_key() for _ in range(4)]


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


class LoopThread:
    """An event loop in a thread, for coroutines that blocking tests wait for."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="country", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    def stop(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()


@attrs.frozen
class Process:
    """A process of the authority."""

    name: str
    port: int
    health_port: int
    log_file: Path
    child: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.log_file.read_text()


@attrs.define
class LiveCountry:
    """Handles for a test: a card that sells, the ledger that books, processes to look at."""

    dsn: str
    state: StateFolder
    live: Live
    loop: LoopThread
    stack: ExitStack
    zone: ZoneInfo
    pki: DemoPki

    def register(self, card: Card) -> None:
        """Enter a card in the registry, with its taxpayer and its certificate."""
        seller = attrs.evolve(SELLER, tin=Tin(card.tin))
        subject = CardSubject(Uid(card.uid), seller, "https://localhost:8443/")
        certificate = self.pki.issue_secure_element(subject, card.key.public.spki, at=now() - timedelta(hours=1))
        with psycopg.connect(self.dsn) as connection:
            register_taxpayer(connection, Taxpayer(seller.tin, seller.business_name))
            register_secure_element(
                connection, certificate, environment=ENVIRONMENT, encryption_key="package", limit=LIMIT
            )

    @property
    def card(self) -> Card:
        """The card that sells."""
        return self.live.card

    def sign(self, request: InvoiceRequest | None = None) -> tuple[InvoiceRequest, InvoiceResult]:
        """A signed invoice with a journal as devices print it; nobody has sent it in."""
        request, result = self.card.invoice(request or sale(), now())
        facts = JournalFacts(
            seller=SELLER,
            tax_items=result.tax_items,
            total=result.total_amount,
            sdc_time=result.sdc_time,
            number=result.number,
            type_counter=result.type_counter,
            counter_extension=result.counter_extension,
        )
        journal = render_journal(request, facts, LANGUAGES["en-US"], self.zone)
        return request, attrs.evolve(result, journal=journal, seller=SELLER)

    def send(self, request: InvoiceRequest, result: InvoiceResult) -> int:
        """Send an invoice in as its device does; the audit status."""
        package = seal(write_audit_data(request, result), self.card.encryption_key)
        return self.loop.run(self.live.submit(package, now())).status

    def book(self, request: InvoiceRequest | None = None) -> InvoiceResult:
        """A signed invoice that the ledger holds and may show."""
        request, result = self.sign(request)
        status = self.send(request, result)
        assert status == 4, f"audit status {status}"
        self.loop.run(self.live.shown())
        return result

    def publish(self) -> int:
        """Write tiles and checkpoint as the exporter does; the published size."""
        with psycopg.connect(as_role(self.dsn, INTAKE)) as connection:
            return export_tiles(connection, self.state.tiles)

    def start(self, name: str) -> Process:
        """Start a process of the authority; it is stopped with the country."""
        return start_process(self.stack, self.state, name, self.dsn)

    def sign_in_link(self, process: Process, user: str = "operator") -> str:
        """A one-time link, made as the demonstration makes it."""
        told = {
            "TALLYSTICK_PORTAL_DSN": as_role(self.dsn, PORTAL),
            "TALLYSTICK_PORTAL_SECRET_FILE": str(self.state.keys / "portal-secret"),
            "TALLYSTICK_PORTAL_SECURE": "0",
            "TALLYSTICK_PORTAL_DEMO": "1",
        }
        argv = (sys.executable, "-m", "tallystick.portals.accounts.links", user, process.url)
        made = subprocess.run(argv, env=os.environ | told, capture_output=True, text=True, timeout=60, check=True)
        return made.stdout.strip()


def start_process(stack: ExitStack, state: StateFolder, name: str, dsn: str, **settings: str) -> Process:
    """Start ``tallystick authority NAME`` and wait until it is ready; it is stopped with the stack."""
    for file in ("port", "health"):
        (state.run / f"{name}.{file}").unlink(missing_ok=True)
    log_file, health = state.logs / f"{name}.log", state.run / f"{name}.health"
    with log_file.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "tallystick", "authority", name],
            env=os.environ | _environment(state, dsn, settings),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack.callback(stop_process, child)
    wait_until(lambda: is_ready(health) or child.poll() is not None, what=log_file.read_text)
    assert child.poll() is None, log_file.read_text()
    port = int((state.run / f"{name}.port").read_text())
    return Process(name, port, int(health.read_text()), log_file, child)


def _environment(state: StateFolder, dsn: str, settings: Mapping[str, str]) -> dict[str, str]:
    told = {
        "state": str(state.root),
        "database_url": dsn,
        "timing": "demo",
        "public_port": "0",
        "portal_port": "0",
        "health_port": "0",
    }
    return {f"TALLYSTICK_{name.upper()}": value for name, value in (told | dict(settings)).items()}


def stop_process(child: subprocess.Popen[bytes]) -> int:
    """Ask it to end, wait, and give its exit status; what does not end is ended."""
    child.send_signal(signal.SIGTERM)
    try:
        return child.wait(STOP_SECONDS)
    finally:
        child.kill()
        child.wait()


def is_ready(health: Path) -> bool:
    """Whether the process that announced itself there says that it is ready."""
    if not health.exists():
        return False
    connection = http.client.HTTPConnection("127.0.0.1", int(health.read_text()), timeout=10)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def wait_until(
    condition: Callable[[], object], *, seconds: float = START_SECONDS, what: Callable[[], str] = str
) -> None:
    """Look again and again; ``what`` says what was there instead."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


@contextmanager
def live_country(dsn: str, folder: Path) -> Iterator[LiveCountry]:
    """Make the country in ``folder`` over a migrated, empty database; everything ends with the block."""
    pack, state, loop = load_pack("AQ"), StateFolder.of(str(folder / "state")), LoopThread()
    state.make()
    with ExitStack() as stack:
        stack.callback(loop.stop)
        inner = AsyncExitStack()
        intake = live_intake(dsn, folder, rsa_keys(), pack, clock=now)
        live = loop.run(inner.enter_async_context(intake))
        stack.callback(lambda: loop.run(inner.aclose()))
        pki = DemoPki.create(
            folder / "pki",
            environment=ENVIRONMENT,
            organization="Test Authority",
            country="AQ",
            at=now() - timedelta(days=1),
        )
        country = LiveCountry(dsn, state, live, loop, stack, ZoneInfo(pack.time_zone), pki)
        for card in (live.card, live.other):
            country.register(card)
        with psycopg.connect(dsn) as connection:
            create_user(connection, "operator", "!", "Operator of Antarctica", "operator")
            create_user(connection, "taxpayer", "!", "A taxpayer", "taxpayer")
            for name in ("vera", "omar"):
                create_user(connection, name, "!", f"Officer {name.title()}", "officer")
        yield country


def shelf(lines: int) -> tuple[InvoiceItem, ...]:
    """Items whose names are as long as those on shelves."""
    names = ("Wholemeal bread/kom", "Semi-skimmed milk 1 l/kom", "Apples, Golden Delicious/kg", "Хлеб бели 500 g/ком")
    return tuple(
        attrs.evolve(item, name=names[number % len(names)]) for number, item in enumerate(basket(lines, cents=1249))
    )
