"""`tallystick inspections`: cases that the detectors have opened, and an officer's word that ends one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.inspection_desk import InspectionDesk

app = typer.Typer(help="Cases for inspections: list, show, close.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the case.")]


@app.command("list")
def list_cases(
    state: Annotated[str, typer.Option(help="open, vanished, closed, or all.")] = "open",
    detector: Annotated[str, typer.Option(help="D-MAN, D-DEL or D-UND; empty for all.")] = "",
    tin: Annotated[str, typer.Option(help="Of this taxpayer alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
) -> None:
    """Print the cases that fit, newest first."""
    from tallystick.authority.projections.inspections.values import CaseState, DetectorName
    from tallystick.kernel.fixed_point import Money

    if state not in {*CaseState, "all"}:
        raise typer.BadParameter(f"one of {', '.join(CaseState)}, all", param_hint="--state")
    if detector not in {*DetectorName, ""}:
        raise typer.BadParameter(f"one of {', '.join(DetectorName)}", param_hint="--detector")
    wanted = None if state == "all" else CaseState(state)
    with _desk() as desk:
        found = desk.cases(state=wanted, detector=DetectorName(detector) if detector else None, tin=tin, limit=limit)
    for one in found:
        amount = str(Money(one.amount)) if one.amount else "-"
        typer.echo(
            f"{one.case_id:>6}  {one.state:<8}  {one.detector}  {one.kind:<17}  {one.matter:<17}  "
            f"TIN {one.tin or '-'}  {one.items} seen, {amount}  since {one.opened_at:%Y-%m-%d %H:%M}"
        )


@app.command()
def show(number: Number) -> None:
    """Print a case with all that was seen. That you have read it is an act in the log."""
    with _desk() as desk:
        case, evidence = desk.show(number)
    typer.echo(
        f"case {case.case_id}: {case.kind} ({case.detector}), {case.matter}, TIN {case.tin or '-'}: {case.state}"
    )
    for one in evidence:
        gone = f", gone since {one.gone_at:%Y-%m-%d %H:%M}" if one.gone_at else ""
        facts = ", ".join(f"{name} {value}" for name, value in sorted(one.evidence.facts.items()))
        typer.echo(f"  {one.seen_at:%Y-%m-%d %H:%M}  {one.evidence.item}{gone}: {facts}")
    if case.closed_by:
        typer.echo(f"closed by {case.closed_by}: {case.reason}")


@app.command()
def close(
    number: Number,
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")],
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
) -> None:
    """End a case with a reason. What was seen in it opens no other one."""
    with _desk() as desk:
        desk.close(officer, number, reason)
    typer.echo(f"case {number} is closed")


@contextmanager
def _desk() -> Iterator[InspectionDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.inspection_desk import open_inspections
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_inspections(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
