"""Running doors of the national channel for tests: two processes on one port, a real ledger and database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg
from ecr_till import Till, client_tls
from ledger_bench import LedgerFolder
from pki_bench import shared_database
from psycopg.conninfo import make_conninfo
from public_live import LoopThread, is_ready, wait_until

from benchmarks.national_country import begin_sequences, enrolled_erp, enrolled_tills
from benchmarks.national_till import NationalTill
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.reference.registry.tasks import publish_devices
from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.tls import tls_client_context
from tallystick.ops.national_registrations import begun_with, device_registration_of
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_registry import enter_hierarchy
from tallystick.ops.processes.context import ecr_name
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.country import free_port
from tallystick.wire.ecr_api import DEVICE_PATH

ORIGIN = "fdo.example/aq/production"
PACK = load_pack("AQ")


@attrs.define
class EcrCountry:
    """Two running doors, their ledger, and the tills of two devices."""

    dsn: str
    state: StateFolder
    pki: DemoPki
    folder: Path
    port: int
    papers: list[NationalTill]
    ledger: LedgerFolder
    doors: list[subprocess.Popen[bytes]] = attrs.field(factory=list)
    tills: list[Till] = attrs.field(factory=list)

    def till(self, number: int) -> Till:
        """A new connection of a device; which of the processes it meets is the kernel's choice."""
        papers = self.papers[number]
        key = PrivateKey(papers.device.key)
        self.tills.append(Till(papers, client_tls(self.pki, self.folder, key, papers.certificate), self.port))
        return self.tills[-1]

    def stranger(self) -> Till:
        """Somebody without a certificate."""
        self.tills.append(Till(self.papers[0], tls_client_context(self.pki.files.root), self.port))
        return self.tills[-1]

    def until_barred(self, papers: NationalTill) -> None:
        """Until every door knows that a certificate is revoked: new connections meet now this one, now that."""
        context = client_tls(self.pki, self.folder, PrivateKey(papers.device.key), papers.certificate)
        end, barred = time.monotonic() + 20, 0
        while barred < 8:
            stranger = Till(papers, context, self.port)
            barred = barred + 1 if stranger.ask("GET", DEVICE_PATH).code == "TS-1104" else 0
            stranger.close()
            assert time.monotonic() < end, "the doors did not hear of it"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(query, parameters).fetchall()

    def open_doors(self, *numbers: int) -> None:
        """Start processes on the port that they share, and wait until they are ready."""
        environment = self._environment()
        for number in numbers:
            (self.state.run / f"{ecr_name(number)}.health").unlink(missing_ok=True)
            command = [sys.executable, "-m", "tallystick", "authority", "ecr", f"--number={number}"]
            with (self.state.logs / f"ecr-{number}.log").open("ab") as log:
                self.doors.append(subprocess.Popen(command, env=environment, stderr=log))
        for number in numbers:
            wait_until(lambda number=number: is_ready(self.state.run / f"{ecr_name(number)}.health"))  # type: ignore[misc]  # bound on purpose

    def _environment(self) -> dict[str, str]:
        told = {
            "state": str(self.state.root),
            "database_url": self.dsn,
            "health_port": "0",
            "ecr_processes": "2",
            "ecr_port": str(self.port),
        }
        return os.environ | {f"TALLYSTICK_{name.upper()}": value for name, value in told.items()}

    def kill_doors(self) -> None:
        """As a power cut would."""
        for door in self.doors:
            door.kill()
            door.wait()
        self.doors.clear()

    def publish(self, conn: psycopg.Connection[Any]) -> None:
        """Enter new devices into the ledger."""
        socket = self.ledger.socket
        publish_devices(conn, lambda first: append_blocking(socket, device_registration_of(first)), begun_with)

    def enrol(self, count: int, device_class: DeviceClass) -> list[NationalTill]:
        """More tills, which the ledger knows and the doors soon will."""
        with psycopg.connect(self.dsn) as conn:
            papers = enrolled_tills(conn, self.pki, PACK, count, ORIGIN, device_class)
            self.publish(conn)
        begin_sequences(self.dsn, papers)
        return papers

    def book_batches(self) -> None:
        """Start the process that books batches of offline registers."""
        command = [sys.executable, "-m", "tallystick", "authority", "batches"]
        with (self.state.logs / "batches.log").open("ab") as log:
            self.doors.append(subprocess.Popen(command, env=self._environment(), stderr=log))


@contextmanager
def ecr_country(pki: DemoPki, server: str, folder: Path) -> Iterator[EcrCountry]:
    """The country with four software tills and two open doors, until the end of the block."""
    loop = LoopThread()
    state, now = StateFolder.of(str(folder / "state")), datetime.now(UTC)
    state.make()
    state.keys.rmdir()
    state.keys.symlink_to(pki.files.folder)
    with ExitStack() as stack:
        stack.callback(loop.stop)
        conn = stack.enter_context(shared_database(server, "ecr_process"))
        dsn = make_conninfo(server, dbname="ecr_process")
        ledger_folder, inner = LedgerFolder.make(folder, dsn), AsyncExitStack()
        loop.run(inner.enter_async_context(ledger_folder.serving()))
        stack.callback(lambda: loop.run(inner.aclose()))
        (state.run / "sequencer.sock").symlink_to(ledger_folder.socket)
        for group in PACK.tax_groups:
            taxrates.publish_group(conn, group)
        enter_hierarchy(conn, pki, now)
        papers = [*enrolled_tills(conn, pki, PACK, 4, ORIGIN), enrolled_erp(conn, pki, PACK, ORIGIN)]
        port = free_port(21_000 + os.getpid() % 10_000)
        made = EcrCountry(dsn, state, pki, folder, port, papers, ledger_folder)
        made.publish(conn)
        begin_sequences(dsn, papers)
        stack.callback(made.kill_doors)
        made.open_doors(1, 2)
        yield made
        for till in made.tills:
            till.close()
