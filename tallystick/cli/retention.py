"""`tallystick retention`: what has had its time by the country's rules, and its removal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tallystick.ops.retention_desk import RetentionDesk

app = typer.Typer(help="What is kept beside the ledger: whose time is over, and its removal.", no_args_is_help=True)


@app.command("list")
def list_due() -> None:
    """Print for each kind its months, what may go, and what something still needs. Nothing goes."""
    with _desk() as desk:
        found = desk.due()
    for one in found:
        held = f", {one.held} held" if one.held else ""
        typer.echo(f"{one.kind:<11} {one.months:>4} months  before {one.before:%Y-%m-%d}  {one.free} may go{held}")


@app.command()
def run() -> None:
    """Remove now what the worker would remove within the hour; each piece is an act in the log."""
    with _desk() as desk:
        removed = desk.carry_out()
    for kind, count in removed.items():
        typer.echo(f"{kind:<11} {count} removed")
    if not removed:
        typer.echo("nothing has had its time")


@contextmanager
def _desk() -> Iterator[RetentionDesk]:
    """The desk of this shell; what is refused is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.retention_desk import open_retention
    from tallystick.ops.settings import load_settings

    try:
        with open_retention(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
