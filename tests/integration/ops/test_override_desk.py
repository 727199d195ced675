"""Overrides from a shell: one account is one person, and refusals are one sentence (S2-104)."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tallystick.authority.reference.registry.operations import create_user
from tallystick.ops.override_desk import shell

REASON = "the device burnt with the shop on Friday"
Tallystick = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tallystick(database: str, tmp_path: Path) -> Tallystick:
    """The command line over a database with two officers and a card that waits."""
    with psycopg.connect(database) as conn:
        for name in ("vera", "omar"):
            create_user(conn, name, "!", name.title(), "officer")
        conn.execute(
            """INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited,
                   card_limit, stated_sum, stated_limit, received_at, state, missing, code)
               VALUES ('ABCD1234', 1, decode(repeat('00', 32), 'hex'), 3, 0, 70, 100, 0, 0, now(), 'incomplete',
                       '{1,3}', 'TS-1406')"""
        )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    told = {"TALLYSTICK_DATABASE_URL": database, "TALLYSTICK_STATE": str(tmp_path)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tallystick", "audit", *arguments]
        return subprocess.run(argv, env=kept | told, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.mark.soak
def test_s2_104_whoever_asked_in_a_shell_cannot_approve_there(tallystick: Tallystick, database: str) -> None:
    assert "ABCD1234  incomplete  TS-1406  missing 1-3  lost -" in tallystick("list").stdout
    asked = tallystick("ask", "ABCD1234", "--officer", "vera", "--reason", REASON)
    assert asked.stdout == "override 1 waits for a second officer, 24 hours at most\n"
    for name in ("vera", "omar"):
        refused = tallystick("approve", "1", "--officer", name)
        assert refused.returncode == 1
        assert refused.stderr.startswith("tallystick: TS-4005: ")
    with psycopg.connect(database) as conn:
        row = conn.execute("SELECT asked_by, asked_from ~ '^shell:.+', state FROM audit.override").fetchone()
    assert row == ("vera", True, "pending")
    assert tallystick("refuse", "1", "--officer", "omar").stdout == "override 1 is refused\n"
    assert f"override 1  ABCD1234  refused  excused 1-3  0 came, 0.0070 presumed: {REASON}" in tallystick("list").stdout


def test_a_stranger_gets_a_code(tallystick: Tallystick) -> None:
    done = tallystick("ask", "ABCD1234", "--officer", "nobody", "--reason", REASON)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tallystick: TS-4003: ")


def test_the_account_is_the_kernels_and_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert shell() == f"shell:{pwd.getpwuid(os.getuid()).pw_name}"
