"""The process that opens sealed packages; it has no database and no network."""

from __future__ import annotations

from tallystick.authority.intake.unwrap import run_unwrap
from tallystick.ops.processes.context import Context, unwrap_name


def run(number: int = 1) -> None:
    """Serve until stopped, as the ``number``-th of ``unwrap_processes``."""
    name = unwrap_name(number)
    context = Context.load(name)
    with context.health({}):
        run_unwrap(context.socket(name), context.pki.files.private_key("package"))
