"""The hosted signer as its real processes: made ready by commands, killed in the middle, started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from softhsm import PIN, configure, make_token, module_path
from vsdc_bench import basket

from benchmarks.authority_processes import RunningAuthority, running_authority
from tallystick.crypto.client_bundle import read_bundle
from tallystick.crypto.tls import tls_client_context
from tallystick.ops.supervisor import ready_by_url

pytestmark = pytest.mark.timeout(240)
PROCESSES = ("sequencer", "signer", "vsdc", "vsdc-2", "worker")


@pytest.fixture(params=["files", "pkcs11"])
def authority(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RunningAuthority, dict[str, str]]]:
    told = {"TALLYSTICK_KEY_STORE": request.param, "TALLYSTICK_VSDC_PROCESSES": "2"}
    if request.param == "pkcs11":
        module, configuration = module_path(), configure(tmp_path)
        label = make_token(configuration, "invoices")
        pin = tmp_path / "pin"
        pin.touch(mode=0o600)
        pin.write_text(PIN)
        told |= {
            "SOFTHSM2_CONF": str(configuration),
            "TALLYSTICK_KEY_STORE_SECRET_FILE": str(pin),
            "TALLYSTICK_HSM_MODULE": str(module),
            "TALLYSTICK_HSM_TOKEN": label,
        }
    with running_authority(0, PROCESSES, told) as running:
        country = running.country
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        yield (
            running,
            kept
            | told
            | {
                "TALLYSTICK_STATE": str(country.state.root),
                "TALLYSTICK_DATABASE_URL": country.owner_dsn,
                "TALLYSTICK_COUNTRY": country.pack.code,
                "TALLYSTICK_LOG_LEVEL": "error",
            },
        )


def tallystick(environment: dict[str, str], *arguments: str) -> dict[str, str]:
    """Run a command; its output as words by their first one."""
    done = subprocess.run(
        [sys.executable, "-m", "tallystick", "vsdc", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()}


class Till:
    """A POS that repeats until it has its answer, as a POS must."""

    def __init__(self, running: RunningAuthority, context: ssl.SSLContext, pac: str) -> None:
        self._running, self._context, self.pac = running, context, pac
        self.answers: dict[str, bytes] = {}

    def once(self, request_id: str) -> tuple[int, bytes]:
        """Ask once: status and body."""
        port = int((self._running.country.state.run / "vsdc.port").read_text())
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=self._context, timeout=10)
        headers = {"PAC": self.pac, "RequestId": request_id, "Content-Type": "application/json"}
        with closing(connection):
            connection.request("POST", "/api/v3/invoices", json.dumps(basket()).encode(), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def sell(self, request_id: str) -> bytes:
        until = time.monotonic() + 60
        seen = b""
        while time.monotonic() < until:
            try:
                status, seen = self.once(request_id)
                if status == 200:
                    self.answers[request_id] = seen
                    return seen
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"no answer within a minute; the last was {seen!r}")


@pytest.mark.soak
def test_kills_in_the_middle_of_the_day(authority: tuple[RunningAuthority, dict[str, str]], tmp_path: Path) -> None:
    """S0-039: both key stores, two processes of the channel at one address. Each of them is killed while several tills
    of one POS sell, then the signing process; every request has one number."""
    running, environment = authority
    (element,) = tallystick(environment, "signer")
    assert element.endswith("O0")
    papers = tallystick(
        environment, "enrol", "till", "--tin", "100000077", "--business", "My Shop", "--shop", "Main", "--address", "1",
        "--folder", str(tmp_path),
    )  # fmt: skip
    key, certificate, _ = read_bundle((tmp_path / "till.nochain.p12").read_bytes(), papers["password"])
    pem = tmp_path / "till.pem"
    pem.write_bytes(key + certificate)
    till = Till(running, tls_client_context(running.country.pki.files.root, pem, pem), papers["PAC"])
    till.sell("first")

    ids = [f"r{number}" for number in range(40)]
    shares = [ids[place::3] for place in range(3)]
    selling = [threading.Thread(target=lambda share=share: [till.sell(one) for one in share]) for share in shares]
    for one in selling:
        one.start()
    for name in ("vsdc", "vsdc-2", "signer"):
        time.sleep(0.5)
        pid = running.supervisor.pid(name)
        os.kill(pid, signal.SIGKILL)
        ready = ready_by_url(running.country.state.run / f"{name}.health")
        until = time.monotonic() + 60
        while time.monotonic() < until:
            running.supervisor.tick()
            if running.supervisor.restarts(name) and ready():
                break  # one of the two always serves, and so holds the address
            time.sleep(0.05)
    while any(one.is_alive() for one in selling):
        running.supervisor.tick()
        time.sleep(0.1)
    ports = {(running.country.state.run / f"{name}.port").read_text() for name in ("vsdc", "vsdc-2")}
    assert len(ports) == 1, "a killed process comes back to the address of the other"
    for name in ("vsdc", "vsdc-2"):
        assert invoices_of(running, name) >= 0, "each has its own health and metrics"
    assert set(till.answers) == {"first", *ids}
    numbers = sorted(json.loads(answer)["totalCounter"] for answer in till.answers.values())
    assert numbers == list(range(1, 42)), "every request one number, every number one request"
    with psycopg.connect(running.country.owner_dsn) as conn:
        booked = conn.execute(
            "SELECT se_total FROM ledger.identity WHERE requested_by = %s AND se_total > 0 ORDER BY 1", [papers["UID"]]
        ).fetchall()
    assert [row[0] for row in booked] == numbers
    assert till.sell("r7") == till.answers["r7"]
    check_commands(environment, till, element, papers["UID"])


def invoices_of(running: RunningAuthority, name: str) -> float:
    """What a process counts, which may just be starting again."""
    until = time.monotonic() + 60
    while True:
        running.supervisor.tick()
        try:
            return running.metric(name, "tallystick_vsdc_invoices_total")
        except (OSError, StopIteration):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def check_commands(environment: dict[str, str], till: Till, element: str, uid: str) -> None:
    """Another PAC, a retired element that comes back, and the end of a POS."""
    till.pac = tallystick(environment, "pac", uid)["PAC"]
    tallystick(environment, "retire", element)
    tallystick(environment, "reactivate", element)
    assert json.loads(till.sell("after"))["totalCounter"] == 42
    tallystick(environment, "revoke", uid)
    until = time.monotonic() + 30
    while (status := till.once("end")[0]) != 403 and time.monotonic() < until:
        time.sleep(0.2)
    assert status == 403
