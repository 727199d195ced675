"""The authority as its real processes, in a folder that goes away, with cards whose packages a benchmark can make."""

from __future__ import annotations

import json
import os
import random
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from urllib.request import urlopen

import attrs
import msgspec
import psycopg

from benchmarks.limits import disk_folder
from benchmarks.package_maker import Card
from benchmarks.processor_time import family_seconds, own_seconds
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.operations import register_secure_element, register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.crypto.keys import PrivateKey, generate_rsa_key, store_private_key
from tallystick.crypto.pki import CardSubject
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.tax_rates import group_at
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder
from tallystick.ops.supervisor import ChildSpec, Supervisor, ready_by_url
from tallystick.simulation.country import Country, open_country

PROCESSES = ("sequencer", "unwrap", "api", "worker")
WITH_PUBLIC = ("sequencer", "unwrap", "public", "api", "worker")
"""With the listener that buyers ask; the API tells devices its address, so it comes after."""
_PORTS = (20_000, 32_000)
"""The device API has a port from the country's birth on, and binds it much later: drawn, so that runs rarely meet."""


@attrs.frozen
class RunningAuthority:
    """Where it serves and who runs; `cards` are registered and in the ledger."""

    country: Country
    supervisor: Supervisor
    cards: list[Card]
    token: str
    processes: Sequence[str] = PROCESSES

    @property
    def port(self) -> int:
        """Of the device API."""
        return self.country.birth.device_api_port

    @property
    def public_port(self) -> int:
        """Of the listener that buyers ask."""
        return _port(self.country, "public")

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start a further process under the same supervisor, as the authority's are, and wait until it is ready."""
        self.supervisor.start(_child(self.country, name, command, environment))

    @property
    def client_tls(self) -> ssl.SSLContext:
        """What a device trusts, without a certificate of its own: the token speaks for it."""
        return tls_client_context(self.country.pki.files.root)

    def processor_seconds(self) -> dict[str, float]:
        """Processor time used so far by each process; the database's, and that of batches, with all their children."""
        used = {
            name: (family_seconds if name == "batches" else own_seconds)(self.supervisor.pid(name))
            for name in self.processes
        }
        used["postgres"] = family_seconds(self._postmaster())
        return used

    def metric(self, process: str, name: str) -> float:
        """A metric without labels, as the process publishes it."""
        port = int((self.country.state.run / f"{process}.health").read_text())
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

    def resident_bytes(self) -> dict[str, int]:
        """Resident memory of each of the authority's own processes."""
        return {name: resident_bytes(self.supervisor.pid(name)) for name in self.processes}

    def _postmaster(self) -> int:
        return int((self.country.state.postgres / "data" / "postmaster.pid").read_text().split()[0])


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def running_authority(
    cards: int, processes: Sequence[str] = PROCESSES, environment: Mapping[str, str] | None = None
) -> Iterator[RunningAuthority]:
    """Make a country with so many registered cards, start its processes, and remove everything afterwards."""
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        root = Path(name)
        root.chmod(0o755)
        told = load_settings(
            {key: value for key, value in (environment or {}).items() if key.startswith("TALLYSTICK_")}
        )
        settings = msgspec.structs.replace(told, state=name, device_api_port=random.randrange(*_PORTS))
        with _token_configuration(environment or {}):
            country = open_country(settings, StateFolder.of(name))
        try:
            made = [_register(country, number) for number in range(cards)]
            run = country.state.run
            run.mkdir(parents=True, exist_ok=True)
            with Supervisor(run) as supervisor:
                all_of_them = ("keys", *processes)
                for process in all_of_them:
                    supervisor.start(_child(country, process, _command(process), environment or {}))
                _wait_for_registrations(country, made)
                token = _token(country, made[0]) if made else ""
                yield RunningAuthority(country, supervisor, made, token, all_of_them)
        finally:
            country.close()


def _command(process: str) -> tuple[str, ...]:
    """``vsdc-2`` is the second process of its kind."""
    kind, _, number = process.partition("-")
    return ("authority", kind, *([f"--number={number}"] if number else []))


@contextmanager
def _token_configuration(environment: Mapping[str, str]) -> Iterator[None]:
    """SoftHSM finds its tokens by a variable of the process: here, too, the country's keys are made on the token."""
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ |= {name: value for name, value in environment.items() if name == "SOFTHSM2_CONF"}
    try:
        yield
    finally:
        if before is not None:
            os.environ["SOFTHSM2_CONF"] = before
        else:
            os.environ.pop("SOFTHSM2_CONF", None)


def _child(country: Country, name: str, command: Sequence[str], environment: Mapping[str, str]) -> ChildSpec:
    state = country.state
    public = state.run / "public.port"
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "tallystick", *command),
        log_file=state.logs / f"{name}.log",
        environment={
            "TALLYSTICK_STATE": str(state.root),
            "TALLYSTICK_DATABASE_URL": country.owner_dsn,
            "TALLYSTICK_COUNTRY": country.pack.code,
            "TALLYSTICK_SINGLE_DISK_ACCEPTED": "true",
            "TALLYSTICK_DEVICE_API_PORT": str(country.birth.device_api_port),
            "TALLYSTICK_DEVICE_API_URL": country.api_url,
            "TALLYSTICK_HEALTH_PORT": "0",
            "TALLYSTICK_PUBLIC_PORT": "0",
            "TALLYSTICK_VSDC_PORT": "0",
            "TALLYSTICK_POS_PORT": "0",
            **({"TALLYSTICK_PUBLIC_URL": f"http://127.0.0.1:{_port(country, 'public')}/"} if public.exists() else {}),
            **environment,
        },
        ready=ready_by_url(state.run / f"{name}.health"),
    )


def _port(country: Country, process: str) -> int:
    return int((country.state.run / f"{process}.port").read_text())


def _register(country: Country, number: int) -> Card:
    key: PrivateKey = generate_rsa_key()
    group = group_at(country.pack.tax_groups, system_clock())
    assert group is not None
    uid, tin = Uid(f"BENCH{number:03d}"), f"{100_000_000 + 11 * number}"
    card = Card(uid, tin, key, country.pki.public_key("package"), group, country.pack.max_category_order_id)
    subject = CardSubject(uid=uid, seller=card.seller, api_url=country.api_url)
    certificate = country.pki.issue_secure_element(subject, key.public.spki, at=system_clock())
    with psycopg.connect(country.intake_dsn) as conn:
        register_taxpayer(conn, Taxpayer(card.seller.tin, card.seller.business_name))
        register_secure_element(
            conn,
            certificate,
            environment=country.pack.environment,
            encryption_key="package",
            limit=country.pack.card_limit,
        )
    return card


def _wait_for_registrations(country: Country, cards: list[Card]) -> None:
    with psycopg.connect(country.intake_dsn, autocommit=True) as conn:
        for card in cards:
            while (entry := registry.secure_element(conn, card.uid)) is None or entry.registration_index is None:
                time.sleep(0.05)
    time.sleep(1)  # the API follows the registry by notification, at the latest by its next poll


def _token(country: Country, card: Card) -> str:
    """As a device does: TLS with the certificate of the card's PKI applet, once."""
    key = generate_rsa_key()
    subject = CardSubject(uid=Uid(card.uid), seller=card.seller, api_url=country.api_url)
    folder = country.state.run
    store_private_key(folder / "client-key.pem", key)
    der = country.pki.issue_pki_client(subject, key.public.spki, at=system_clock())
    (folder / "client.pem").write_text(ssl.DER_cert_to_PEM_cert(der))
    context = tls_client_context(country.pki.files.root, folder / "client.pem", folder / "client-key.pem")
    connection = HTTPSConnection("127.0.0.1", country.birth.device_api_port, context=context, timeout=30)
    connection.request("GET", "/api/v3/sdc/token")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return str(json.loads(body)["token"])
