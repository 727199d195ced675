"""E-08: the sandbox starts with one command, sells to a stranger's client, takes further cards, and ends cleanly."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from described import Described
from sandbox_run import Sandbox, ask, verified

from tallystick.crypto.certificates import read_card_certificate
from tallystick.device.applet.card import VirtualCard
from tallystick.device.secure_element import SecureElement

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A state folder whose way in is open to the database's account."""
    made = Sandbox(Path(tempfile.mkdtemp(prefix="ts-")))
    try:
        yield made
    finally:
        made.end()


def curls(output: str) -> list[tuple[str, dict[str, str], bytes]]:
    """URL, headers and body of each curl that was printed."""
    found = []
    for line in output.splitlines():
        if line.strip().startswith("curl "):
            url = re.search(r"curl -s (\S+)", line)
            file = re.search(r"-d @(\S+)", line)
            assert url
            assert file
            headers = dict(one.split(": ", 1) for one in re.findall(r"-H '([^']+)'", line))
            found.append((url[1], headers, Path(file[1]).read_bytes()))
    return found


def asked_as_printed(output: str) -> Any:
    """What the hosted signer says to the printed command."""
    command = re.search(r"the hosted signer, asked\s+(curl .+)", output)
    assert command, output
    done = subprocess.run(shlex.split(command[1]), capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here (Debian: apt-get install curl)")
def test_e_08_from_one_command_to_a_verified_invoice_and_a_clean_end(sandbox: Sandbox) -> None:
    """The printed commands are what sells; a card of one's own and a card for a foreign E-SDC; a second start."""
    sandbox.start()
    pin, sale = curls(sandbox.output)
    assert ask(pin[0], pin[2], pin[1]) == "0100"
    invoice = ask(sale[0], sale[2], sale[1])
    assert verified(invoice["verificationUrl"]) == "valid"
    assert ask(f"{sale[0]}/{sale[1]['RequestId']}") == invoice
    document = ask(f"{sale[0].removesuffix('/api/v3/invoices')}/openapi.json")
    Described(document).check("GET", "/openapi.json", 200, "application/json", json.dumps(document).encode())
    root = re.search(r"root of the PKI\s+(\S+)", sandbox.output)
    assert root
    assert Path(root[1]).read_text().startswith("-----BEGIN CERTIFICATE-----")

    environment = ask(f"{sale[0].removesuffix('/invoices')}/environment-parameters")
    hosted = asked_as_printed(sandbox.output)
    assert (hosted["gsc"], hosted["taxCoreApi"]) == (["0000"], environment["endpoints"]["taxCoreApi"])
    assert environment["endpoints"]["vsdc"] in sandbox.output, "what the environment names must be there"

    made = sandbox.command("sandbox", "card", "--tin", "123456789", "--name", "Rosa's Kiosk", "--limit", "500")
    assert made.returncode == 0, made.stderr
    told = dict(re.findall(r"^(\S+(?:-SDC)?)\s+(.+)$", made.stdout, re.MULTILINE))
    number = told["PIN"].split()[0]
    files = (sandbox.state / "demo" / "sandbox").rglob("*")
    kept = [file.read_text(errors="replace") for file in files if file.is_file()]
    assert not any(f'"pin":"{number}"' in text or text == number for text in kept), "it was printed once"
    assert ask(f"{told['E-SDC']}/api/v3/pin", number.encode()) == "0100"
    first, second = (ask(f"{told['E-SDC']}/api/v3/invoices", sale[2]) for _ in range(2))
    assert (first["tin"], first["businessName"], second["totalCounter"]) == ("123456789", "Rosa's Kiosk", 2)
    assert verified(second["verificationUrl"]) == "valid"

    foreign = sandbox.command("sandbox", "card", "--tin", "123456780", "--name", "Elsewhere", "--foreign")
    assert foreign.returncode == 0, foreign.stderr
    assert "E-SDC" not in foreign.stdout
    folder = re.search(r"^card\s+(\S+)$", foreign.stdout, re.MULTILINE)
    secret = re.search(r"^PIN\s+(\d{4})", foreign.stdout, re.MULTILINE)
    assert folder
    assert secret
    card = VirtualCard.open(Path(folder[1]))
    element = SecureElement(card)
    element.select()
    element.verify_pin(secret[1])
    assert read_card_certificate(element.certificate()).seller.business_name == "Elsewhere"
    card.power_off()

    refused = sandbox.command("sandbox", "card", "--tin", "12", "--name", "x")
    assert refused.returncode == 1
    assert "a TIN of this country has the form" in refused.stderr
    walked = sandbox.command("sandbox", "pos", told["E-SDC"])
    assert walked.returncode == 0, walked.stdout
    assert sandbox.interrupt() == 0
    assert "The sandbox has ended" in sandbox.output
    assert not list((sandbox.state / "demo" / "run").glob("*.health")), "a process was left running"

    sandbox.start("start")
    pin, sale = curls(sandbox.output)
    assert ask(pin[0], pin[2], pin[1]) == "0100"
    assert ask(sale[0], sale[2], sale[1]) == invoice, "the same request again, after a restart"
    assert sandbox.output.count("E-SDC with card") == 3
    assert sandbox.interrupt() == 0


GUIDE = Path(__file__).parents[3] / "docs/guides/pos-maker.md"
BLOCK = re.compile(r"```(?P<kind>\w*)\n(?P<text>.*?)```", re.DOTALL)
CHANGING = ((r"}{", "}\n{"), (r"SDC Time: .*", "SDC Time:"), (r"PIN +\d{4}", "PIN"), (r"\S*/demo/", "…/demo/"))
"""What differs from run to run: the clock, a drawn PIN, where the state lies; and answers end without a new line."""


def steps() -> list[tuple[str, str]]:
    """Each command of the guide with what it shows."""
    blocks = [(one["kind"], one["text"]) for one in BLOCK.finditer(GUIDE.read_text(encoding="utf-8"))]
    after = [*blocks[1:], ("end", "")]
    commands = [
        (text, shown) for (kind, text), (then, shown) in zip(blocks, after, strict=True) if kind == "sh" and not then
    ]
    assert len(commands) >= 12
    return commands


def plain(text: str) -> str:
    """Text without what changes, or the JSON in it without its layout."""
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        for pattern, instead in CHANGING:
            text = re.sub(pattern, instead, text)
        return "\n".join(line.rstrip() for line in text.strip().splitlines())


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here (Debian: apt-get install curl)")
def test_every_command_of_the_guide_shows_what_the_guide_says(sandbox: Sandbox, tmp_path: Path) -> None:
    """E-08: from the PIN to the POS for makers of E-SDCs, in the order of docs/guides/pos-maker.md."""
    sandbox.start()
    run = sandbox.state / "demo" / "run"
    beginning = f"set -u; D={sandbox.state}/demo/sandbox; E=http://127.0.0.1:8888/api/v3\n"
    ours = {"8443": sandbox.environment["TALLYSTICK_DEVICE_API_PORT"]}
    for command, shown in steps():
        for uid, port in (("SB000001", "8888"), ("SB000002", "8889"), ("SB000003", "8890")):
            if (run / f"esdc-{uid}.port").exists():
                ours[port] = (run / f"esdc-{uid}.port").read_text()
        script = (beginning + command).replace(".venv/bin/tallystick", f"{sys.executable} -m tallystick")
        for theirs, real in ours.items():
            script = script.replace(f":{theirs}", f":{real}")
        done = subprocess.run(
            ("bash", "-c", script),
            env=sandbox.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        said = re.sub(r"(?<=127\.0\.0\.1:)\d+", "PORT", done.stdout)
        assert plain(said) == plain(re.sub(r"(?<=127\.0\.0\.1:)\d+", "PORT", shown)), command + done.stderr
    assert sandbox.interrupt() == 0


def test_a_card_needs_a_running_sandbox(sandbox: Sandbox) -> None:
    refused = sandbox.command("sandbox", "card", "--tin", "123456789", "--name", "x")
    assert refused.returncode == 1
    assert "no sandbox runs here" in refused.stderr
