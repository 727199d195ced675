"""The process that opens sealed packages; it has no database and no network."""

from __future__ import annotations

from tallystick.authority.intake.unwrap import run_unwrap
from tallystick.ops.processes.context import Context


def run() -> None:
    """Serve until stopped."""
    context = Context.load("unwrap")
    with context.health({}):
        run_unwrap(context.socket("unwrap"), context.pki.files.private_key("package"))
