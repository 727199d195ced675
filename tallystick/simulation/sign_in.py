"""One-time sign-in links to the operator's pages, made by Django in a process with the portal's surroundings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.state_folder import StateFolder

OPERATOR_USER = "operator"
OFFICERS = ("officer-1", "officer-2")
LINK_SECONDS = 120.0
_FILE = "portal.json"


def write_environment(run: Path, environment: Mapping[str, str]) -> None:
    """Keep what the portal was told (mode 0600), so that a later command can make links."""
    write_atomically(run / _FILE, msgspec.json.encode(environment), mode=0o600, durable=False)


def make_link(state: StateFolder, user: str = OPERATOR_USER) -> str:
    """A link of a user, or of a role's first user; where no demonstration runs a sentence that says so."""
    try:
        environment = msgspec.json.decode((state.run / _FILE).read_bytes(), type=dict[str, str])
        port = int((state.run / "portal.port").read_text())
    except (OSError, ValueError):
        return "no demonstration runs"
    argv = (sys.executable, "-m", "tallystick.portals.accounts.links", user, f"http://127.0.0.1:{port}/")
    made = subprocess.run(
        argv, env=os.environ | environment, capture_output=True, text=True, timeout=LINK_SECONDS, check=False
    )
    return made.stdout.strip() or f"no link could be made: {made.stderr.strip()[-200:]}"


def print_link(state: StateFolder, user: str = OPERATOR_USER) -> int:
    """Print one; the exit status is 1 where there is none."""
    said = make_link(state, user)
    print(said)
    return 0 if said.startswith("http") else 1
