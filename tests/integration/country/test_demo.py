"""The whole country as separate processes over loopback TLS: from till to buyer, and after a kill of everything."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import psycopg
import pytest
from cards import sale

from tallystick.device.applet.card import VirtualCard
from tallystick.device.secure_element import SecureElement
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.state_folder import StateFolder

pytestmark = pytest.mark.timeout(600)
SECONDS = 280


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
        names = ("DEVICE_API_PORT", "PUBLIC_PORT", "PORTAL_PORT", "POS_PORT", "HEALTH_PORT", "VSDC_PORT", "ECR_PORT")
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

    def finish(self, *arguments: str, status: int = 0) -> str:
        """Run a demonstration to its end; returns what it printed."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == status, output + self.logs()
        return output

    def in_the_ledger(self) -> dict[str, int]:
        """Documents of every card, counted in the database itself."""
        state = StateFolder.of(str(self.state))
        server = EmbeddedPostgres(state.postgres, copies=state.binaries)
        query = "SELECT signed_by, count(*) FROM ledger.identity WHERE se_total > 0 GROUP BY signed_by"
        try:
            with psycopg.connect(server.start()) as connection:
                return dict(connection.execute(query).fetchall())
        finally:
            server.stop()

    def sign_behind_the_tills_back(self, uid: str) -> None:
        """A card signs an invoice, and nobody keeps its package."""
        plan = next(json.loads(file.read_bytes()) for file in (self.state / "demo" / "shops").glob("*.json"))
        assert plan["uid"] == uid
        card = VirtualCard.open(self.state / "demo" / "esdc" / uid)
        element = SecureElement(card)
        element.select()
        element.verify_pin(plan["pin"])
        element.sign_invoice(attrs.evolve(sale(), time_ms=time.time_ns() // 1_000_000))
        card.power_off()

    def forget_a_document(self, uid: str) -> None:
        """A register takes a document for delivered that nobody has."""
        with sqlite3.connect(self.state / "demo" / "national" / uid / "register.db") as store:
            columns = [row[1] for row in store.execute("PRAGMA table_info(document)")]
            rest = ", ".join(name for name in columns if name not in ("sequence", "request_id", "booked_ms"))
            newest = "SELECT max(sequence) FROM document"
            store.execute(
                f"INSERT INTO document (sequence, booked_ms, {rest})"
                f" SELECT sequence + 1, 1, {rest} FROM document WHERE sequence = ({newest})"
            )

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


def table(output: str, of: str = "every card") -> dict[str, list[int]]:
    """The account of every card: signed, arrived, audited, waiting, lost; or of every national device: documents,
    arrived, apart, waiting, lost."""
    section = output.partition(of)[2].partition("\n\n")[0]
    lines = re.findall(r"^([A-Z0-9]{8}|all)  .{28}((?: +[\d,]+){5})$", section, re.MULTILINE)
    return {uid: [int(one.replace(",", "")) for one in figures.split()] for uid, figures in lines}


NATIONAL = "every national device"
STORY_CARDS = ("BYHAND01", "CHANGE01", "CHANGE02", "DEADSE01", "LOSTPK01")


def test_s0_007_every_sale_becomes_official_data_and_a_further_run_goes_on(run: Run) -> None:
    """S0-001, 002, 007, 010, 014; S2-028 to 039, 084, 092 to 095: a shop sells; later it loses an invoice."""
    first = run.finish("--stores", "1", "--baskets", "8")
    assert number(first, "sold in this run") == 8
    assert "accounted for                     yes" in first
    assert "The ledger is whole" in first
    at_tax_service = re.search(r"^documents at the tax service +([\d,]+) of ([\d,]+)$", first, re.MULTILINE)
    assert at_tax_service is not None, first
    assert at_tax_service[1] == at_tax_service[2] == f"{sum(run.in_the_ledger().values()):,}"
    assert "The buyer's answer for the first receipt: valid" in first
    assert "============ FISCAL INVOICE ============" in first
    assert not list((run.state / "demo" / "run").glob("*.health")), "a process was left running"
    check_stories(first)
    cards, devices = table(first), table(first, NATIONAL)
    for rows in (cards, devices):
        total = rows.pop("all")
        assert total == [sum(column) for column in zip(*rows.values(), strict=True)]
    assert {uid: figures[1] for uid, figures in (cards | devices).items()} == run.in_the_ledger()
    check_national_channels(first, devices)

    (till,) = set(cards) - set(STORY_CARDS)
    run.sign_behind_the_tills_back(till)
    run.forget_a_document("TRCK0201")
    second = run.finish("--stores", "2", "--baskets", "12", status=1)
    assert "The stories of the day were told in an earlier run" in second
    assert number(second, "sold in this run") == 4 + 12
    assert number(second, "sold before") == 8
    assert len(set(run.sold())) == 24
    later = table(second)
    assert later[till][:2] == [13, 12]
    assert later[till][3:] == [0, 1]
    assert later["all"][4] == 1
    assert "INVOICES ARE LOST" in second
    afterwards = table(second, NATIONAL)
    assert {uid: figures[4] for uid, figures in afterwards.items()} == dict.fromkeys(afterwards, 0) | {
        "TRCK0201": 1,
        "all": 1,
    }
    grown = {uid for uid in devices if afterwards[uid][1] > devices[uid][1]}
    assert grown == set(devices) - {"TRCK0201"}, "who was stolen sells no more, everybody else goes on"


def check_national_channels(output: str, devices: dict[str, list[int]]) -> None:
    """S0-031, S0-054, S0-057, S0-062 to S0-064, S0-080, K-05, K-21: all channels at once, one company with all; what
    each device made is in the ledger, or apart where two officers could not show that it is older."""
    assert set(devices) == {"MART0101", "MART0102", "MART0201", "MART0202", "TRCK0101", "TRCK0201", "ERPC0101"}
    for uid, (made, arrived, apart, waiting, lost) in devices.items():
        assert made == arrived + apart > 0, output
        assert apart == (3 if uid == "TRCK0201" else 0), output
        assert (waiting, lost) == (0, 0), output
    for words in (
        "The register of Harbour Supermarket says TS-3250 and sells nothing",
        "on line, under MART0101-MART0101-",
        "says pending: its memory has it",
        "TS-2102, later and not no",
        "checked against its own memory alone",
        "The power fails in every shop and truck at once",
        "its batch is booked: the page says valid",
        "Two officers re-admitted 3 of them, older than the theft by a head report; 3 stay apart",
    ):
        assert words in output, output
    assert number(output, "told to the ERP by its feed") == devices["ERPC0101"][0]


def check_stories(output: str) -> None:
    """S2-096 to 102, S2-132, S2-145, K-13: every story came to its end, and every invoice of its cards arrived."""
    cards = table(output)
    for uid in STORY_CARDS:
        signed, arrived, _, waiting, lost = cards[uid]
        assert signed == arrived > 0, output
        assert (waiting, lost) == (0, 0)
    audited = {uid: cards[uid][2] for uid in STORY_CARDS}
    assert audited == {uid: 0 if uid == "DEADSE01" else cards[uid][0] for uid in STORY_CARDS}
    for words in (
        "The device API is down.",
        "a stick brought its E-SDC the first commands",
        "took the proof of audit home on the stick",
        "3 packages of CHANGE01 were sent by its successor CHANGE02",
        "it sells no more (2220), 3 packages are unsent",
        "An officer took 3 packages out of the E-SDC",
        "The audit of LOSTPK01 waits: the authority names invoices 3-5",
        "the audit of LOSTPK01 is complete",
        "the card is dead: signed is what others know of it",
    ):
        assert words in output
    meanwhile = re.search(r"The device API is back after \d+ s: (\d+) receipts meanwhile", output)
    assert meanwhile is not None
    assert int(meanwhile[1]) >= 8, "the tills of the stories sold without it"


@pytest.mark.soak
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
            with suppress(ProcessLookupError):  # it has ended with the one before it
                os.kill(pid, signal.SIGKILL)
        process.kill()
        output, _ = process.communicate()
    before = run.sold()
    assert len(before) >= 150, output + run.logs()

    # A till may have died between an answer and its line: it asks again for the basket after its last one.
    most = max(len(book) for book in run.books())
    after = run.finish("--stores", "3", "--baskets", str(most + 5), "--calm")
    assert set(before) <= set(run.sold())
    tills = [figures for uid, figures in table(after).items() if uid not in (*STORY_CARDS, "all")]
    signed, arrived, _, waiting, lost = (sum(column) for column in zip(*tills, strict=True))
    assert len(run.sold()) == signed == arrived
    assert (waiting, lost) == (0, 0)
    assert "The ledger is whole" in after
    made, arrived, apart, waiting, lost = table(after, NATIONAL)["all"]
    assert made == arrived + apart > 0, after
    assert (waiting, lost) == (0, 0), after


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
