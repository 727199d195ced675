"""The whole country as separate processes over loopback TLS: from till to buyer, and after a kill of everything."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)
SECONDS = 200


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Run:
    """Demonstrations in one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        names = ("DEVICE_API_PORT", "PUBLIC_PORT", "PORTAL_PORT", "POS_PORT", "HEALTH_PORT", "VSDC_PORT")
        ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
        self.environment = inherited | {"TALLYSTICK_STATE": str(state), "COLUMNS": "80"}
        self.environment |= {f"TALLYSTICK_{name}": port for name, port in ports.items()}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a demonstration."""
        return subprocess.Popen(
            (sys.executable, "-m", "tallystick", "demo", *arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, *arguments: str) -> str:
        """Run a demonstration to its end; returns what it printed."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, output + self.logs()
        return output

    def logs(self) -> str:
        """The ends of all logs, for a failure's message."""
        files = sorted((self.state / "demo" / "logs").glob("*.log"))
        return "".join(f"\n== {file.name}\n{file.read_text()[-1500:]}" for file in files)

    def books(self) -> list[list[str]]:
        """What each till wrote down, one line a sale."""
        return [book.read_text().splitlines() for book in sorted((self.state / "demo" / "books").glob("*.txt"))]

    def sold(self) -> list[str]:
        """Every sale that a till wrote down."""
        return [line for book in self.books() for line in book]

    def end(self) -> None:
        """End whatever is left and remove the folder."""
        command = (sys.executable, "-m", "tallystick", "state", "stop")
        subprocess.run(command, env=self.environment, check=False, capture_output=True, timeout=60)
        shutil.rmtree(self.state, ignore_errors=True)


@pytest.fixture
def run() -> Iterator[Run]:
    """A state folder whose way in is open to the database's account."""
    made = Run(Path(tempfile.mkdtemp(prefix="ts-")))
    try:
        yield made
    finally:
        made.end()


def number(output: str, name: str) -> int:
    """A figure of the summary."""
    match = re.search(rf"{re.escape(name)}\s+([\d,]+)", output)
    assert match is not None, output
    return int(match[1].replace(",", ""))


def test_s0_007_every_sale_becomes_official_data_and_a_further_run_goes_on(run: Run) -> None:
    """S0-001, 002, 007, 010, 014; S2-028 to 039, 084, 092 to 095: two shops sell; later they sell more."""
    first = run.finish("--stores", "2", "--baskets", "8")
    assert number(first, "sold in this run") == 16
    assert number(first, "arrived in the ledger") == 16
    assert number(first, "waiting at devices") == number(first, "lost") == 0
    assert "accounted for                     yes" in first
    assert "The ledger is whole" in first
    assert "The buyer's answer for the first receipt: valid" in first
    assert "============ FISCAL INVOICE ============" in first
    assert not list((run.state / "demo" / "run").glob("*.health")), "a process was left running"

    second = run.finish("--stores", "2", "--baskets", "12")
    assert number(second, "sold in this run") == 8
    assert number(second, "sold before") == 16
    assert number(second, "arrived in the ledger") == 24
    assert len(set(run.sold())) == 24


def test_kill_of_every_process_loses_nothing_acknowledged(run: Run) -> None:
    """Every process is killed in the middle of the market; the next run has all that any till was answered."""
    process = run.start("--stores", "3", "--baskets", "4000")
    output = ""
    try:
        until = time.monotonic() + 120
        while len(run.sold()) < 150 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        for pid in descendants(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        output, _ = process.communicate()
    before = run.sold()
    assert len(before) >= 150, output + run.logs()

    # A till may have died between an answer and its line: it asks again for the basket after its last one.
    most = max(len(book) for book in run.books())
    after = run.finish("--stores", "3", "--baskets", str(most + 5))
    assert set(before) <= set(run.sold())
    assert number(after, "arrived in the ledger") == number(after, "signed, as the tills know")
    assert number(after, "lost") == 0
    assert "The ledger is whole" in after


def descendants(root: int) -> list[int]:
    """Every process below ``root``, parents first."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
