"""`tallystick agreements`: who may connect registers, from when, until when."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.authority.reference.agreements.values import Agreement
    from tallystick.ops.agreement_desk import AgreementDesk

app = typer.Typer(help="Agreements of taxpayers with the operator.", no_args_is_help=True)
Number = Annotated[str, typer.Argument(help="Number of the agreement.")]
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer or operator who acts.")]
_DAY = ["%Y-%m-%d"]


@app.command()
def conclude(
    number: Number,
    tin: Annotated[str, typer.Option(help="TIN of the taxpayer.")],
    officer: OfficerName,
    business: Annotated[str, typer.Option(help="Name of the taxpayer, who is registered with it.")] = "",
    since: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First day; now if left out.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="First day after it; open if left out.")] = None,
) -> None:
    """Conclude an agreement: registers of the taxpayer may be connected then. The same again changes nothing."""
    with _desk() as desk:
        begins, ends = (None if day is None else day.date() for day in (since, until))
        made = desk.conclude(officer, number, tin, business, begins, ends)
    typer.echo(_line(made))


@app.command()
def end(
    number: Number,
    officer: OfficerName,
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="First day after it; now if left out.")] = None,
) -> None:
    """End an agreement, never in the past. No register of the taxpayer fiscalises from then on."""
    with _desk() as desk:
        made = desk.end(officer, number, None if until is None else until.date(), reason)
    typer.echo(_line(made))


@app.command()
def show(
    tin: Annotated[str, typer.Option(help="Of this taxpayer alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
) -> None:
    """Print agreements, newest first. That you have read them is an act in the log."""
    with _desk() as desk:
        found = desk.show(tin, limit)
    for one in found:
        typer.echo(_line(one))


def _line(one: Agreement) -> str:
    until = "open" if one.until is None else f"until {one.until:%Y-%m-%d %H:%M} UTC"
    ended = f", ended by {one.ended_by}: {one.end_reason}" if one.ended_by else ""
    return f"{one.number}  TIN {one.tin}  from {one.since:%Y-%m-%d %H:%M} UTC, {until}, by {one.concluded_by}{ended}"


@contextmanager
def _desk() -> Iterator[AgreementDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.agreement_desk import open_agreements
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_agreements(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
