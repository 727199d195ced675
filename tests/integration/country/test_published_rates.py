"""E-06: rates that two officers publish reach every kind of till, with the real processes of a sandbox."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sandbox_run import Sandbox, ask
from stranger import Stranger

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.rules import queries as rules
from tallystick.authority.reference.rules.values import TAX_RATES
from tallystick.kernel.device_commands import RateChange
from tallystick.ops.database import open_database
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.device_command import read_command

LEAD = timedelta(seconds=100)
"""From the request to the first sale under the new rates; the machine may be slow."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A state folder whose way in is open to the database's account."""
    made = Sandbox(Path(tempfile.mkdtemp(prefix="ts-")))
    try:
        yield made
    finally:
        made.end()


def until(found: Callable[[], Any], seconds: float = 50) -> Any:
    """What is there within some time."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, found
        time.sleep(0.3)
    return value


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here (Debian: apt-get install curl)")
def test_e_06_rates_that_are_published_reach_every_kind_of_till(sandbox: Sandbox, tmp_path: Path) -> None:
    """An E-SDC that was initialised before, the hosted signer, and a register of the national channels."""
    sandbox.start()
    pin, sale = re.findall(r"curl -s (\S+).*?-d @(\S+)", sandbox.output)[:2]
    esdc = sale[0].removesuffix("/invoices")
    assert ask(pin[0], Path(pin[1]).read_bytes()) == "0100"
    headers = {"Content-Type": "application/json"}

    def sold(number: str) -> Any:
        return ask(sale[0], Path(sale[1]).read_bytes(), headers | {"RequestId": number})

    def groups() -> set[int]:
        return {one["groupId"] for one in ask(f"{esdc}/status")["allTaxRates"]}

    assert sold("before")["taxGroupRevision"] == 2
    assert groups() == {1, 2}
    start = (datetime.now(UTC) + LEAD).replace(microsecond=0)
    published = ask(f"{esdc}/status")["allTaxRates"][-1]
    file = tmp_path / "rates.json"
    file.write_text(json.dumps([published | {"groupId": 3, "validFrom": f"{start:%Y-%m-%dT%H:%M:%SZ}"}]))
    asked = sandbox.command("rates", "publish", str(file), "--officer", "officer-1", "--reason", "law 17, article 3")
    assert asked.returncode == 0, asked.stderr
    request = re.search(r"request (\d+) waits", asked.stdout)
    assert request, asked.stdout
    mine = sandbox.command("approvals", "approve", request[1], "--officer", "officer-2")
    assert "TS-4005" in mine.stderr, "two names at one account are one person"
    with (
        open_database(Settings(), StateFolder(sandbox.state)) as owner,
        psycopg.connect(as_role(owner, PORTAL), autocommit=True) as conn,
    ):
        with conn.transaction():
            approvals.approve(conn, int(request[1]), Person("officer-2", PAGES), datetime.now(UTC))
        told = until(lambda: [one for one in rules.history(conn, TAX_RATES) if one.entry_index is not None][1:])
    assert told, "the change has its entry in the ledger, behind the one before it"

    until(lambda: groups() == {1, 2, 3})
    stranger = Stranger(sandbox.state / "demo/sandbox/registers/SBTILL01")
    waiting = until(
        lambda: stranger.call("GET", stranger.facts["addresses"]["device"].replace("/device", "/commands")).json[
            "commands"
        ]
    )
    stranger.close()
    wanted = read_command(waiting[0].encode()).command.wanted
    assert isinstance(wanted, RateChange)
    assert wanted.group == 3
    hosted = re.search(r"the hosted signer, asked\s+(curl .+)", sandbox.output)
    assert hosted
    status = json.loads(subprocess.run(shlex.split(hosted[1]), capture_output=True, timeout=60, check=True).stdout)
    assert {one["groupId"] for one in status["allTaxRates"]} == {1, 2, 3}

    assert datetime.now(UTC) < start, "everybody had them before they began"
    assert sold("still the old ones")["taxGroupRevision"] == 2
    until(lambda: datetime.now(UTC) > start + timedelta(seconds=1), 110)
    assert sold("the new ones")["taxGroupRevision"] == 3
    assert sandbox.interrupt() == 0
