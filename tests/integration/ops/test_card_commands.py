"""Commands for cards where no reader is: what the user can put right is one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("card", "serve", "--card", "CARD"), "TS-3110 no card memory"),
        (("card", "serve", "--card", "CARD", "--vpcd", "nowhere"), "an address is HOST:PORT"),
        (("card", "serve", "--card", "CARD", "--protocol", "2"), "0 for T=0 or 1 for T=1"),
        (("card", "make", "--card", "CARD", "--pki", "PKI", "--profile", "3.x"), "no card was made"),
        (("card", "make", "--card", "CARD", "--pki", "PKI", "--uid", "small"), "no card was made"),
        (("esdc", "run"), "name a reader, or a virtual card with --card"),
        (("esdc", "run", "--reader", "X", "--authority-ca", "ca.pem"), "pkcs11_uri"),
    ],
)
def test_what_a_user_can_put_right_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    places = {"CARD": str(tmp_path / "card"), "PKI": str(tmp_path / "pki")}
    done = subprocess.run(
        [sys.executable, "-m", "tallystick", *(places.get(argument, argument) for argument in arguments)],
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
    assert sentence in last
