"""`tallystick personal`: erasures by law, and exports of what is held about a person, on the word of two officers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.personal_desk import PersonalDesk

app = typer.Typer(help="Personal data: erasures and exports, on the word of two officers.", no_args_is_help=True)


@app.command()
def erase(
    entries: Annotated[list[int], typer.Argument(min=0, help="Indexes of the entries in the ledger.")],
    law: Annotated[str, typer.Option(help="The law that asks for it, as it stands in the ledger for ever.")],
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters. For the second officer and the log.")],
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who asks.")],
) -> None:
    """Ask that these bodies be erased for good; another officer approves with `tallystick approvals approve`."""
    with _desk() as desk:
        number = desk.ask(officer, entries, law, reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command("ask-export")
def ask_export(
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters. For the second officer and the log.")],
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who asks.")],
    tin: Annotated[str, typer.Option(help="Everything of this taxpayer.")] = "",
    buyer: Annotated[str, typer.Option(help="Everything with this buyer's id.")] = "",
    cashier: Annotated[str, typer.Option(help="Everything with this cashier's name, of the taxpayer --tin.")] = "",
    user: Annotated[str, typer.Option(help="Everything of this user of the pages.")] = "",
) -> None:
    """Ask for everything that is held about a person; another officer approves."""
    with _desk() as desk:
        person = {"tin": tin, "buyer": buyer, "cashier": cashier, "user": user}
        number = desk.ask_export(officer, person, reason)
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command()
def export(
    request: Annotated[int, typer.Argument(help="Number of the approved request.")],
    out: Annotated[Path, typer.Option(help="ZIP file to write; must not be there yet.")],
) -> None:
    """Write an approved export as a ZIP file: entries with proofs, and rows beside them. Once for a request."""
    with _desk() as desk:
        made = desk.export(request, out)
    without = f"{made.erased} of them without bodies"
    typer.echo(f"{out}: {made.documents} entries of the ledger, {without}; {made.rows} rows of other tables")


@contextmanager
def _desk() -> Iterator[PersonalDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.personal_desk import open_personal
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_personal(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
    except OSError as error:
        sys.exit(f"tallystick: {error}")
