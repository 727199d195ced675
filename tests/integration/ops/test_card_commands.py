"""Commands for cards where no reader is: what the user can put right is one sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick import cli
from tallystick.ops.processes import context

SERVE = ("card", "serve", "--card", "CARD")


def placed(arguments: tuple[str, ...], folder: Path) -> list[str]:
    places = {"CARD": str(folder / "card"), "PKI": str(folder / "pki")}
    return [places.get(argument, argument) for argument in arguments]


def test_a_user_sees_the_sentence_as_the_last_line_of_the_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tallystick", *placed(SERVE, tmp_path)],
        env={**os.environ, "TALLYSTICK_STATE": str(tmp_path / "state")},
        input="2017\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("tallystick: ")
    assert "TS-3110 no card memory" in last


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (SERVE, "TS-3110 no card memory"),
        ((*SERVE, "--vpcd", "nowhere"), "an address is HOST:PORT"),
        ((*SERVE, "--protocol", "2"), "0 for T=0 or 1 for T=1"),
        (("card", "make", "--card", "CARD", "--pki", "PKI", "--profile", "3.x"), "no card was made"),
        (("card", "make", "--card", "CARD", "--pki", "PKI", "--uid", "small"), "no card was made"),
        (("esdc", "run"), "name a reader, or a virtual card with --card"),
        (("esdc", "run", "--reader", "X", "--authority-ca", "ca.pem"), "pkcs11_uri"),
    ],
)
def test_what_a_user_can_put_right_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(context, "configure_logging", lambda *_, **__: None)  # that of the tests stays as it is
    monkeypatch.setattr(sys, "argv", ["tallystick", *placed(arguments, tmp_path)])
    monkeypatch.setattr(sys, "stdin", io.StringIO("2017\n"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = str(ended.value.code)  # Python prints a text and exits with 1
    assert said.startswith("tallystick: ")
    assert sentence in said
