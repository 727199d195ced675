"""`tallystick audit`: open audits, and overrides by two officers (S2-104)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.override_desk import OverrideDesk

app = typer.Typer(help="Open audits; overrides of proof of audit by two officers.", no_args_is_help=True)
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]


@app.command("list")
def list_() -> None:
    """Print the audits that are not at their end, then the overrides, one a line."""
    from tallystick.wire.ordinal_ranges import write_ranges

    with _desk() as desk:
        for audit in desk.open_audits():
            missing = write_ranges(audit.missing) or "-"
            gone = write_ranges(audit.gone) or "-"
            typer.echo(f"{audit.uid}  {audit.state:<12}{audit.code or '-':<9}missing {missing}  lost {gone}")
        for standing in desk.overrides():
            one = standing.override
            excused = write_ranges(one.excused) or "-"
            rest = f"{standing.arrived_count} came, {standing.rest} presumed"
            typer.echo(f"override {one.override_id}  {one.uid}  {one.state:<9}excused {excused}  {rest}: {one.reason}")


@app.command()
def ask(
    uid: Annotated[str, typer.Argument(help="UID of the card.")],
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why, and how the liability is known; 10 to 1,000 characters.")],
) -> None:
    """Ask that a card be released although documents are missing. Another officer must approve within 24 hours."""
    with _desk() as desk:
        number = desk.ask(officer, uid, reason)
    typer.echo(f"override {number} waits for a second officer, 24 hours at most")


@app.command()
def approve(number: Annotated[int, typer.Argument(help="Number of the override.")], officer: OfficerName) -> None:
    """Approve an override, as the second officer and from another account than the first."""
    with _desk() as desk:
        desk.approve(officer, number)
    typer.echo(f"override {number} is approved; the proof follows with the worker's next round")


@app.command()
def refuse(number: Annotated[int, typer.Argument(help="Number of the override.")], officer: OfficerName) -> None:
    """Refuse an override, or take one's own request back."""
    with _desk() as desk:
        desk.refuse(officer, number)
    typer.echo(f"override {number} is refused")


@contextmanager
def _desk() -> Iterator[OverrideDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.override_desk import open_desk
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_desk(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
