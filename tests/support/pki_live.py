"""The process `authority pki` with a country of its own, and foreign programs that look at what it gives."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pki_bench import csr, p256, shared_database
from public_live import START_SECONDS, Process, start_process

from tallystick.authority.reference.pki import enrolment
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.ops.pki_registry import enter_hierarchy, pki_services
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.country import free_port

TIN = "123456789"
YEAR_AGO = timedelta(days=330)


@attrs.frozen
class Live:
    """The running process with its country."""

    conn: psycopg.Connection
    pki: DemoPki
    state: StateFolder
    process: Process
    folder: Path
    est_port: int

    @property
    def est(self) -> str:
        return f"https://127.0.0.1:{self.est_port}/.well-known/est/"

    def register(self, uid: str) -> None:
        registry.register_taxpayer(self.conn, Taxpayer(Tin(TIN), "Corner Shop Ltd"))
        place = registry.register_premises(self.conn, Premises(tin=Tin(TIN), code="1", name="Shop 1", address="x"))
        device = FiscalDevice(
            uid=Uid(uid), device_class=1, tin=Tin(TIN), premises_id=place, maker="M", model="T", serial_number=uid
        )
        registry.register_fiscal_device(self.conn, device)
        self.conn.commit()

    def code(self, uid: str) -> str:
        made = enrolment.issue_code(self.conn, pki_services(self.pki), uid, "officer:anna", datetime.now(UTC))
        self.conn.commit()
        return made

    def _enrolled(self, services: PkiServices, uid: str, request: bytes, at: datetime) -> bytes:
        """Once more where the running process took the number, which looks old already, for one that a crash left."""
        for last in (False, False, True):
            code = enrolment.issue_code(self.conn, services, uid, "officer:anna", at)
            try:
                return enrolment.enrol(self.conn, services, uid, code, request, at)
            except Fault as fault:
                if last or fault.code != "TS-3007":
                    raise
        raise AssertionError("not reached")

    def old_device(self, uid: str) -> tuple[Path, Path]:
        """A device whose certificate was issued 300 days ago: files of certificate and key."""
        self.register(uid)
        key, at = p256(), datetime.now(UTC) - timedelta(days=300)
        services = pki_services(self.pki)
        der = self._enrolled(services, uid, csr(key), at)
        files = self.folder / f"{uid}.pem", self.folder / f"{uid}-key.pem"
        files[0].write_bytes(pem_of(der))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def curl(self, operation: str, *more: str | Path) -> tuple[int, bytes]:
        """What a foreign client gets: status and body."""
        out = self.folder / secrets.token_hex(4)
        fixed: list[str | Path] = ["curl", "-s", "-o", out, "-w", "%{http_code}", "--cacert", self.pki.files.root]
        done = subprocess.run(
            [*fixed, *more, self.est + operation], capture_output=True, text=True, timeout=30, check=False
        )
        return int(done.stdout or 0), out.read_bytes() if out.exists() else b""

    def get(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        """Over plain HTTP: status, content type, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=20)
        connection.request(method, path, body or None, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        got = answer.status, answer.headers.get("content-type", ""), answer.read()
        connection.close()
        return got


@contextmanager
def live_pki(server: str, folder: Path, name: str = "pki_live") -> Iterator[Live]:
    """Start it over a fresh database of that name; everything ends with the block."""
    now = datetime.now(UTC)
    state, port = StateFolder.of(str(folder / "state")), free_port(20_000 + os.getpid() % 10_000)
    state.make()
    pki = DemoPki.create(
        state.keys,
        environment=(1, 9),
        organization="Test operator",
        country="AQ",
        at=now - YEAR_AGO,
        publication_url=f"http://127.0.0.1:{port}/",
    )
    pki.issue_tls(("localhost", "127.0.0.1"), now)
    with ExitStack() as stack:
        conn = stack.enter_context(shared_database(server, name))
        enter_hierarchy(conn, pki, now - YEAR_AGO)
        conn.commit()
        _start_keys(stack, state)
        told = {"pki_port": str(port), "est_port": "0", "pki_url": pki.publication_url}
        process = start_process(stack, state, "pki", conn.info.dsn, **told)
        assert process.port == port
        yield Live(conn, pki, state, process, folder, int((state.run / "est.port").read_text()))


def _start_keys(stack: ExitStack, state: StateFolder) -> None:
    """The process that holds the keys of timestamps and trust list."""
    environment = os.environ | {"TALLYSTICK_STATE": str(state.root), "TALLYSTICK_HEALTH_PORT": "0"}
    command = [sys.executable, "-m", "tallystick", "authority", "keys"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    stack.callback(process.wait, 10)
    stack.callback(process.terminate)
    wait_for((state.run / "keys.sock").exists, "the key process does not come up")


def openssl(*arguments: str | Path, stdin: bytes = b"", fails: bool = False) -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, timeout=30, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert (done.returncode != 0) is fails, said
    return said


def wait_for(condition: object, what: str) -> None:
    assert callable(condition)
    end = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def new_request(live: Live, uid: str, subject: str) -> tuple[Path, Path]:
    """Key and request as openssl makes them: files of PEM request and key."""
    request, key = live.folder / f"{uid}.csr", live.folder / f"{uid}-new.key"
    openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
        "-keyout", key, "-out", request,
    )  # fmt: skip
    return request, key


def certificate_of(live: Live, body: bytes) -> Path:
    """The one certificate in an answer of EST, taken out with openssl."""
    file = live.folder / f"{secrets.token_hex(4)}.pem"
    p7 = live.folder / "answer.p7"
    p7.write_bytes(b"-----BEGIN PKCS7-----\n" + body + b"-----END PKCS7-----\n")
    text = openssl("pkcs7", "-in", p7, "-print_certs")
    assert text.count("BEGIN CERTIFICATE") == 1
    file.write_text(text[text.index("-----BEGIN") :])
    return file


def pkcs10(request: Path) -> tuple[str, ...]:
    return ("-H", "Content-Type: application/pkcs10", "--data-binary", f"@{request}")


def issuer(live: Live, name: str = "device-ca") -> Path:
    return live.pki.files.certificate(name)


def crl_pem(live: Live, name: str = "device-ca") -> Path:
    """The list as it is served, turned into PEM by openssl."""
    status, kind, body = live.get(f"/crl/{name}.crl")
    assert (status, kind) == (200, "application/pkix-crl")
    der, pem = live.folder / f"{name}.crl", live.folder / f"{name}-crl.pem"
    der.write_bytes(body)
    openssl("crl", "-inform", "DER", "-in", der, "-out", pem)
    return pem


def ocsp(live: Live, certificate: Path | None, *more: str | Path, name: str = "device-ca") -> str:
    which: tuple[str | Path, ...] = ("-cert", certificate) if certificate is not None else ()
    return openssl(
        "ocsp", "-issuer", issuer(live, name), *which, *more, "-url", f"http://127.0.0.1:{live.process.port}/ocsp",
        "-CAfile", live.pki.files.root, "-verify_other", issuer(live, name),
    )  # fmt: skip


def problem(body: bytes) -> str:
    told = json.loads(body)
    assert {"type", "title", "status", "code", "retry"} <= set(told)
    return str(told["code"])
