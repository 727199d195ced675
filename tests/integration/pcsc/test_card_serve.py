"""`tallystick card serve` as a maker of other devices uses it: foreign programs of PC/SC talk to our card."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cards import country, new_card
from pcsc_bench import READER, Pcsc, until

from tallystick.crypto.keys import PublicKey

SELECT = "00A4040010A000000748464A492D546178436F726500"
needs_opensc = pytest.mark.skipif(shutil.which("opensc-tool") is None, reason="needs the Debian package opensc")


def tallystick(*arguments: str, state: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick", *arguments],
        env={**os.environ, "TALLYSTICK_STATE": str(state)},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(daemon: Pcsc, card: Path, protocol: str, state: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tallystick", "card", "serve", "--card", str(card)]
    command += ["--vpcd", f"127.0.0.1:{daemon.port}", "--protocol", protocol]
    process = subprocess.Popen(
        command,
        env={**os.environ, "TALLYSTICK_STATE": str(state)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "is in the reader" in process.stdout.readline()
        until(daemon.has_card, what="the card was not inserted")
        yield process
    finally:
        process.kill()
        process.wait(20)
        process.stdout.close()


def opensc(*apdus: str) -> list[tuple[str, bytes]]:
    """Status word and data of each answer."""
    sent = [part for apdu in apdus for part in ("-s", apdu)]
    command = ["opensc-tool", "--reader", "0", "--card-driver", "default", *sent]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    answers = re.split(r"Sending: .*\n", said)[1:]
    found = []
    for answer in answers:
        words = re.search(r"SW1=0x(\w\w), SW2=0x(\w\w)", answer)
        assert words, said
        lines = re.findall(r"^((?:[0-9A-F]{2} )+)", answer, re.MULTILINE)
        found.append((words[1] + words[2], bytes.fromhex("".join(lines))))
    return found


@needs_opensc
@pytest.mark.parametrize("protocol", ["0", "1"])
def test_s1_049_opensc_tool_reads_the_card(daemon: Pcsc, tmp_path: Path, protocol: str) -> None:
    """The exchanges of the guide for makers of cards."""
    card = new_card(tmp_path / "card")
    with serving(daemon, card, protocol, tmp_path / "state"):
        atr = subprocess.run(
            ["opensc-tool", "--reader", "0", "--atr"], capture_output=True, text=True, timeout=60, check=True
        )
        expected = "3b:0a:" if protocol == "0" else "3b:8a:01:"
        assert atr.stdout.startswith(expected + "54:61:6c:6c:79:73:74:69:63:6b")
        answers = opensc(
            *(SELECT, "8808040000", "8807040000", "8814040000", "8816040000", "8833040000"),
            *("8813040000", "88110400043030303000"[:18], "8816040000", "8811040004" + "02000107", "8815040000"),
        )
    words = [word for word, _ in answers]
    assert words == [*["9000"] * 6, "6301", "6302", "9000", "9000", "6985"]
    assert answers[1][1].hex() == "000000030000000200000008"
    assert PublicKey.from_card_export(answers[2][1]) == country().pki.public_key("package")
    assert (len(answers[3][1]), answers[4][1], answers[5][1][:8]) == (14, b"\5", b"AB12CD34")
    assert answers[8][1] == b"\4"


@pytest.mark.soak
def test_the_card_leaves_the_reader_when_it_is_told_to_end(daemon: Pcsc, tmp_path: Path) -> None:
    card = new_card(tmp_path / "card")
    with serving(daemon, card, "1", tmp_path / "state") as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        daemon.wait_empty()
    with serving(daemon, card, "0", tmp_path / "state"):
        pass  # the file of the card was let go


def test_the_card_comes_back_when_pcscd_does(daemon: Pcsc, tmp_path: Path) -> None:
    with serving(daemon, new_card(tmp_path / "card"), "1", tmp_path / "state") as process:
        daemon.stop()
        daemon.start()
        until(daemon.has_card, what="the card did not come back")
        assert process.poll() is None


@pytest.mark.soak
def test_a_card_is_made_listed_and_served_by_commands(daemon: Pcsc, tmp_path: Path) -> None:
    """What a maker of devices types; nothing else is needed."""
    state, card = tmp_path / "state", tmp_path / "card"
    made = tallystick(
        *("card", "make", "--card", str(card), "--pki", str(tmp_path / "pki"), "--uid", "MAKER001"),
        state=state,
        text="2017\n",
    )
    assert made.returncode == 0, made.stderr
    assert tallystick("card", "readers", state=state).stdout.splitlines()[0] == f"empty {READER}"
    with serving(daemon, card, "1", state):
        assert tallystick("card", "readers", state=state).stdout.splitlines()[0] == f"card  {READER}"
        second = tallystick("card", "serve", "--card", str(card), "--vpcd", f"127.0.0.1:{daemon.port + 1}", state=state)
    assert second.returncode == 1
    assert "TS-3114" in second.stderr.splitlines()[-1]
    again = tallystick("card", "make", "--card", str(card), "--pki", str(tmp_path / "pki"), state=state, text="2017\n")
    assert again.returncode == 1
    assert "personalised already" in again.stderr
