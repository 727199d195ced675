"""`tallystick personal`: bodies with personal data are erased by law, on the word of two officers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(help="Personal data: ask that bodies be erased.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Personal data."""


@app.command()
def erase(
    entries: Annotated[list[int], typer.Argument(min=0, help="Indexes of the entries in the ledger.")],
    law: Annotated[str, typer.Option(help="The law that asks for it, as it stands in the ledger for ever.")],
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters. For the second officer and the log.")],
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who asks.")],
) -> None:
    """Ask that these bodies be erased for good; another officer approves with `tallystick approvals approve`."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.personal_desk import open_personal
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_personal(load_settings(), system_clock) as desk:
            number = desk.ask(officer, entries, law, reason)
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")
