"""The processes of a demonstration, in the order in which they can start, each with what it is told."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from tallystick.kit.atomic_file import read_or_make, write_atomically
from tallystick.ops.database import database_file
from tallystick.ops.processes.context import ecr_name, keys_name, system_clock, unwrap_name, vsdc_name
from tallystick.ops.processes.till import RACK_FILE, RACK_NAME
from tallystick.ops.settings import Settings
from tallystick.ops.supervisor import ChildSpec, Supervisor, ready_by_url
from tallystick.simulation.country import Country, free_port
from tallystick.simulation.own_build import certify_own_build
from tallystick.simulation.sign_in import write_environment
from tallystick.simulation.tax_office import TaxOffice
from tallystick.simulation.watchers import Watchers
from tallystick.wire.openapi_tax_queue import PREFIX as FIGURES_PATH

RACK = "esdc-rack"
_API = "api"
_BATCHES = "batches"


class Children:
    """Starts the authority and the rack of E-SDCs under one supervisor; knows where each listens."""

    def __init__(self, country: Country, settings: Settings, public_host: str, supervisor: Supervisor) -> None:
        self._country = country
        self._settings = settings
        self._public_host = public_host
        self._supervisor = supervisor
        self.public_url = ""
        self.portal_url = ""
        self.build_manifest = certify_own_build(country.portal_dsn, country.state.demo / "maker", system_clock())
        """The certified manifest that the E-SDCs prove."""
        # Who comes first must not walk on to the port that the cards of this country carry.
        carried = (country.birth.device_api_port, country.birth.pki_port)
        self._public_port = free_port(settings.public_port, avoid=carried)
        self._portal_port = free_port(settings.portal_port, avoid=(*carried, self._public_port))
        ours = (*carried, self._public_port, self._portal_port)
        self.vsdc_port = free_port(settings.vsdc_port, avoid=ours) if settings.demo_vsdc else 0
        self.ecr_port = free_port(settings.ecr_port, avoid=(*ours, self.vsdc_port))
        self.est_url = ""
        self._watchers = Watchers(country, settings)
        self.tax_office = TaxOffice(country.state, settings)
        self.hosts = False
        """Whether the hosted signer is started too; said by who prepared it."""
        # Chosen here, since the national door tells registers where to enrol.
        self._est_port = free_port(settings.est_port, avoid=(*ours, self.vsdc_port, self.ecr_port))

    @property
    def vsdc_url(self) -> str:
        """The address of the hosted signer."""
        return f"https://127.0.0.1:{self.vsdc_port}/"

    @property
    def ecr_url(self) -> str:
        """The address of the national door: registers and ERP systems."""
        return f"https://127.0.0.1:{self.ecr_port}"

    def start(self) -> None:
        """Start all, those together that do not need each other; raises ``ChildFailed`` with the end of a log."""
        run = self._country.state.run
        write_atomically(database_file(run), self._country.owner_dsn.encode(), mode=0o600, durable=False)
        for stale in (*run.glob("*.port"), *run.glob("*.health"), run / "rack", run / RACK_FILE):
            stale.unlink(missing_ok=True)
        write_environment(run, self.portal_environment())
        numbers = range(1, self._settings.unwrap_processes + 1)
        holding = range(1, self._settings.key_processes + 1)
        self._supervisor.start(
            *(self._spec(keys_name(number), "authority", "keys", f"--number={number}") for number in holding)
        )
        self._supervisor.start(
            *(self._spec(name, "authority", name) for name in ("sequencer", "public", "portal")),
            *(self._spec(unwrap_name(number), "authority", "unwrap", f"--number={number}") for number in numbers),
            *self._watchers.specs(),
            *self.tax_office.specs(),
        )
        self.public_url = f"http://{self._public_host}:{self._port('public')}/"
        self.portal_url = f"http://127.0.0.1:{self._port('portal')}/"
        self._supervisor.start(
            self._spec(_API, "authority", "api"),
            self._spec("worker", "authority", "worker"),
            self._spec("pki", "authority", "pki"),
            self._spec(RACK, "esdc", "rack"),
            self._spec(_BATCHES, "authority", "batches"),
            *self._national_doors(),
            *(self._hosting() if self.hosts else ()),
        )
        self.ecr_port = self._port(ecr_name(1))
        self.est_url = f"https://127.0.0.1:{self._port('est')}/.well-known/est/"
        if self.hosts:
            self.vsdc_port = self._port("vsdc")

    def stop_api(self) -> None:
        """Take the device API away, as an outage does; everything else goes on."""
        self._supervisor.stop(_API)

    def start_api(self) -> None:
        """Bring it back, at the address that the cards carry; raises ``ChildFailed``."""
        self._supervisor.start(self._spec(_API, "authority", "api"))

    def stop_ecr(self) -> None:
        """Take the national door away, as an outage does."""
        for number in self._national_numbers:
            self._supervisor.stop(ecr_name(number))

    def start_ecr(self) -> None:
        """Bring it back, at the same port; raises ``ChildFailed``."""
        self._supervisor.start(*self._national_doors())

    @property
    def _national_numbers(self) -> range:
        return range(1, self._settings.ecr_processes + 1)

    def _national_doors(self) -> Iterator[ChildSpec]:
        for number in self._national_numbers:
            yield self._spec(ecr_name(number), "authority", "ecr", f"--number={number}")

    def start_registers(self, passphrase_file: Path) -> None:
        """Start the rack of national registers; its list in the run folder grows. It gets no database."""
        spec = self._spec(RACK_NAME, "ecr", "rack", f"--passphrase-file={passphrase_file}")
        told = ("TALLYSTICK_STATE", "TALLYSTICK_COUNTRY", "TALLYSTICK_TIMING")
        environment = {name: spec.environment[name] for name in told} | {"TALLYSTICK_DATABASE_URL": ""}
        self._supervisor.start(attrs.evolve(spec, environment=environment))

    def _hosting(self) -> Iterator[ChildSpec]:
        yield self._spec("signer", "authority", "signer")
        for number in range(1, self._settings.vsdc_processes + 1):
            yield self._spec(vsdc_name(number), "authority", "vsdc", f"--number={number}")

    def portal_environment(self) -> dict[str, str]:
        """What the portal is told, and who makes sign-in links."""
        secret = self._country.state.keys / "portal-secret"
        read_or_make(secret, lambda: secrets.token_hex(32).encode())
        return {
            "TALLYSTICK_PORTAL_DSN": self._country.portal_dsn,
            "TALLYSTICK_PORTAL_SECRET_FILE": str(secret),
            "TALLYSTICK_PORTAL_HOSTS": "localhost,127.0.0.1",
            "TALLYSTICK_PORTAL_SECURE": "0",
            "TALLYSTICK_PORTAL_DEMO": "1",
        }

    def _environment(self) -> Mapping[str, str]:
        country = self._country
        return {
            "TALLYSTICK_STATE": str(country.state.root),
            "TALLYSTICK_DATABASE_URL": country.owner_dsn,
            "TALLYSTICK_COUNTRY": country.pack.code,
            "TALLYSTICK_TIMING": "demo",
            "TALLYSTICK_SINGLE_DISK_ACCEPTED": "true",
            "TALLYSTICK_KEY_PROCESSES": str(self._settings.key_processes),
            "TALLYSTICK_UNWRAP_PROCESSES": str(self._settings.unwrap_processes),
            "TALLYSTICK_FAILURE_BUDGET": "false",  # a demonstration is a sandbox: wrong packages are welcome
            "TALLYSTICK_DEVICE_API_PORT": str(country.birth.device_api_port),
            "TALLYSTICK_DEVICE_API_URL": country.api_url,
            "TALLYSTICK_PUBLIC_HOST": self._public_host,
            "TALLYSTICK_PUBLIC_PORT": str(self._public_port),
            "TALLYSTICK_PORTAL_PORT": str(self._portal_port),
            "TALLYSTICK_PUBLIC_URL": self.public_url or "http://127.0.0.1:8440/",
            "TALLYSTICK_PORTAL_URL": self.portal_url or "http://127.0.0.1:8450/",
            "TALLYSTICK_VSDC_PROCESSES": str(self._settings.vsdc_processes),
            "TALLYSTICK_VSDC_PORT": str(self.vsdc_port),
            "TALLYSTICK_VSDC_URL": self.vsdc_url,
            "TALLYSTICK_ECR_PROCESSES": str(self._settings.ecr_processes),
            "TALLYSTICK_ECR_PORT": str(self.ecr_port),
            "TALLYSTICK_PKI_PORT": str(country.birth.pki_port),
            "TALLYSTICK_PKI_URL": country.birth.pki_url,
            "TALLYSTICK_EST_PORT": str(self._est_port),
            "TALLYSTICK_KEY_STORE": self._settings.key_store,
            "TALLYSTICK_KEY_STORE_SECRET_FILE": self._settings.key_store_secret_file,
            "TALLYSTICK_HSM_MODULE": self._settings.hsm_module,
            "TALLYSTICK_HSM_TOKEN": self._settings.hsm_token,
            "TALLYSTICK_TAX_SERVICE_URL": self.tax_office.url,
            "TALLYSTICK_BUILD_MANIFEST": str(self.build_manifest),
            "TALLYSTICK_WITNESS_SECONDS": "2",
            "TALLYSTICK_WITNESS_URLS": ",".join(f"{name}={url}" for name, url in self.witness_urls().items()),
            **self.portal_environment(),
        }

    @property
    def tax_queue_url(self) -> str:
        """Where the figures of the queue to the tax service are."""
        return f"http://127.0.0.1:{self._port('tax-queue')}{FIGURES_PATH}"

    def witness_urls(self) -> dict[str, str]:
        """Where the witnesses listen, by name, once they are started."""
        return self._watchers.addresses()

    def _spec(self, name: str, *command: str) -> ChildSpec:
        state = self._country.state
        return ChildSpec(
            name=name,
            argv=(sys.executable, "-m", "tallystick", *command),
            log_file=state.logs / f"{name}.log",
            environment=self._environment(),
            ready=ready_by_url(state.run / f"{name}.health"),
        )

    def _port(self, name: str) -> int:
        return int((self._country.state.run / f"{name}.port").read_text())


def rack_file(run: Path) -> Path:
    """The list of cards that the rack serves."""
    return run / "rack"
