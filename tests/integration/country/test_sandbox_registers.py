"""E-08: the sandbox for makers of national tills and ERP teams, walked by a stranger's client and with openssl."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox_run import Sandbox, verified
from stranger import Stranger
from stranger_walks import batch_of_a_day, day_on_line, erp_documents

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.soak,
    pytest.mark.skipif(
        not (shutil.which("curl") and shutil.which("openssl")),
        reason="there is no curl or openssl here (Debian: apt-get install curl openssl)",
    ),
]
WALKS = {"software": day_on_line, "hardware": batch_of_a_day, "erp": erp_documents}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One that runs; its state folder's way in is open to the database's account."""
    made = Sandbox(Path(tempfile.mkdtemp(prefix="ts-")))
    try:
        made.start()
        yield made
    finally:
        made.end()


def registers(sandbox: Sandbox) -> Path:
    return sandbox.state / "demo/sandbox/registers"


def shell(folder: Path, script: str, **told: str) -> str:
    """What a script of bash prints."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=os.environ | told, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def order(sandbox: Sandbox, folder: Path, wanted: dict[str, str]) -> None:
    """Give a register that has just been started an order, by standard input."""
    argv = (sys.executable, "-m", "tallystick", "ecr", "order", str(folder), "-")
    until = time.monotonic() + 60
    while True:
        done = subprocess.run(
            argv, env=sandbox.environment, input=json.dumps(wanted), capture_output=True, text=True, check=False
        )  # fmt: skip
        if done.returncode == 0:
            return
        assert time.monotonic() < until, done.stderr
        time.sleep(0.2)


def is_valid(stranger: Stranger, code: str) -> bool:
    """Whether the buyer's page says that a receipt is genuine."""
    return verified(stranger.facts["addresses"]["receipts"] + code) == "valid"


def walk(folder: Path) -> Stranger:
    """The walk of a device's class, and the page of what it sold."""
    stranger = Stranger(folder)
    try:
        code = WALKS[stranger.facts["class"]](stranger)
        assert is_valid(stranger, code), f"the page of {folder.name}"
    finally:
        stranger.close()
    return stranger


@pytest.mark.parametrize("uid", ["SBTILL01", "SBHARD01", "SBERPC01"])
def test_a_stranger_walks_each_class_with_the_sandboxs_papers(sandbox: Sandbox, uid: str) -> None:
    folder = registers(sandbox) / uid
    assert f"{folder}" in sandbox.output
    assert (folder / "device.key").stat().st_mode & 0o777 == 0o600
    for _ in range(2):  # the second walk goes on where the first has ended
        walk(folder)


def test_what_is_printed_asks_the_door_and_the_descriptions_are_there(sandbox: Sandbox) -> None:
    command = re.search(r"a test register, asked\s+(curl .+)", sandbox.output)
    assert command, sandbox.output
    done = subprocess.run(shlex.split(command[1]), capture_output=True, timeout=60, check=True)
    stands = json.loads(done.stdout)
    facts = json.loads((registers(sandbox) / "SBTILL01/device.json").read_text(encoding="utf-8"))
    assert (stands["uid"], stands["audience"], stands["tin"]) == (
        "SBTILL01",
        facts["audience"],
        facts["taxpayer"]["tin"],
    )
    for name, calls in (("registers", "/ecr/v1/documents"), ("erp", "/erp/v1/bulk")):
        told = json.loads((registers(sandbox) / f"{name}.postman.json").read_text(encoding="utf-8"))
        assert told["variable"][0]["value"] == facts["addresses"]["device"].removesuffix("/ecr/v1/device")
        assert f"{{{{baseUrl}}}}{calls}" in {one["request"]["url"]["raw"] for one in told["item"]}
    for name in ("SBTILL01", "SBERPC01"):
        told = json.loads((registers(sandbox) / name / "device.json").read_text(encoding="utf-8"))
        made = shell(registers(sandbox) / name, f"curl -s --cacert root.pem {told['addresses']['openapi']}")
        assert "DocumentPayload" in json.loads(made)["components"]["schemas"]


def test_a_device_of_ones_own_with_openssl_and_curl(sandbox: Sandbox, tmp_path: Path) -> None:
    """A number and a code from the sandbox; key, request and certificate by the guide; then the walk."""
    made = sandbox.command("sandbox", "register", "--class", "software")
    assert made.returncode == 0, made.stderr
    told = dict(re.findall(r"^(\S+)\s+(\S+)", made.stdout, re.MULTILINE))
    shutil.copy(told["root"], tmp_path / "root.pem")
    shell(
        tmp_path,
        line_of("genpkey") + line_of("/simpleenroll"),
        UID_=told["UID"],
        CODE=told["code"],
        EST=told["EST"].rstrip("/"),
    )
    facts = json.loads((registers(sandbox) / "SBTILL01/device.json").read_text(encoding="utf-8"))
    facts |= {"uid": told["UID"], "build": told["build"]}
    (tmp_path / "device.json").write_text(json.dumps(facts))
    served(tmp_path)
    assert walk(tmp_path).place == 5
    refused = sandbox.command("sandbox", "register", "--class", "toaster")
    assert refused.returncode == 2


def test_a_folder_for_our_own_register_is_enrolled_started_and_held_by_the_printed_lines(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "till"
    made = sandbox.command("sandbox", "register", "--class", "hardware", "--folder", str(folder))
    assert made.returncode == 0, made.stderr
    told = dict(re.findall(r"^(\S+)\s+(.+)", made.stdout, re.MULTILINE))
    assert sandbox.command(*shlex.split(told["enrol"])[1:]).returncode == 0
    argv = (sys.executable, "-m", "tallystick", *shlex.split(told["run"])[1:], "--api-port", "0", "--till-port", "0")
    running = subprocess.Popen(argv, env=sandbox.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        order(sandbox, folder, {"order": "register"})
        order(sandbox, folder, {"order": "open-shift", "cash": "100", "cashier": "Ana"})
        why = ("--user", "officer-1", "--reason", "the till was reported as stolen")
        assert sandbox.command("device", "hold", told["UID"], *why).returncode == 0
        until = time.monotonic() + 60
        while not (status := json.loads(sandbox.command("ecr", "status", str(folder)).stdout))["held"]:
            sandbox.command("ecr", "sell", str(folder), "--item", "Bread:2.50:A", "--cash", "10")
            assert time.monotonic() < until, status
        assert (status["uid"], status["trouble"]) == (told["UID"], "")
    finally:
        running.terminate()
        running.wait(timeout=30)
    again = sandbox.command("sandbox", "register", "--folder", str(folder))
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


def test_an_unknown_register_presents_itself_and_sells_when_it_is_confirmed(sandbox: Sandbox, tmp_path: Path) -> None:
    """S1-018, S1-023 by the guide's own lines: the register says what it is, a person where it stands."""
    facts = json.loads((registers(sandbox) / "SBTILL01/device.json").read_text(encoding="utf-8"))
    shutil.copy(registers(sandbox) / "SBTILL01/root.pem", tmp_path / "root.pem")
    ecr = facts["addresses"]["device"].removesuffix("/ecr/v1/device")
    told = {"ECR": ecr, "TIN": facts["taxpayer"]["tin"], "BUILD": facts["build"]}
    shell(tmp_path, line_of("genpkey"))
    first = json.loads(shell(tmp_path, line_of("/node/v1/registers"), **told))
    assert first["state"] == "pending"
    done = sandbox.command("registers", "confirm", first["id"], "--user", "officer-1")
    assert done.returncode == 0, done.stderr
    now = json.loads(shell(tmp_path, line_of("/node/v1/registers"), **told))
    assert now["state"] == "confirmed", now
    enrol = {"UID_": now["uid"], "CODE": now["code"], "EST": now["enrol_url"].rstrip("/")}
    shell(tmp_path, line_of("/simpleenroll"), **enrol)
    facts |= {"uid": now["uid"]}
    (tmp_path / "device.json").write_text(json.dumps(facts, indent=2))
    served(tmp_path)
    day = "\n".join(blocks_of("national-till.md"))
    where, *answers = shell(tmp_path, day).splitlines()
    assert where == f"the next document is number 1 of {now['uid']} in {facts['audience']}"
    assert [json.loads(line)["kind"] for line in answers[:3]] == ["registration", "shift-opening", "receipt"]
    assert verified(json.loads(answers[2])["verification_url"]) == "valid"


def test_a_second_start_finds_everything_as_it_was(sandbox: Sandbox) -> None:
    folder = registers(sandbox)
    kept = {file: file.read_bytes() for file in folder.glob("*/device.*") if file.suffix != ".json"}
    builds = {file.parent.name: json.loads(file.read_text())["build"] for file in folder.glob("SB*/device.json")}
    assert sandbox.interrupt() == 0
    sandbox.start()
    assert {file: file.read_bytes() for file in kept} == kept
    assert {
        file.parent.name: json.loads(file.read_text())["build"] for file in folder.glob("SB*/device.json")
    } == builds
    walk(folder / "SBTILL01")
    assert sandbox.interrupt() == 0


def line_of(word: str) -> str:
    """The one block of docs/guides/device-enrolment.md that has this word in it."""
    (block,) = [one for one in blocks_of("device-enrolment.md") if word in one]
    return block


def blocks_of(name: str) -> list[str]:
    """What a guide has one type into a shell."""
    text = (Path(__file__).parents[3] / "docs/guides" / name).read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def served(folder: Path) -> Any:
    """Wait until the ledger has the registration of a device that has just enrolled."""
    until = time.monotonic() + 30
    while True:
        stranger = Stranger(folder)
        said = stranger.call("GET", stranger.facts["addresses"]["device"])
        stranger.close()
        if said.status == 200 and "next" in said.json:
            return said.json
        assert time.monotonic() < until, said.body
        time.sleep(0.2)
