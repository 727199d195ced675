"""`tallystick activity` and `tallystick approvals`: who did what, and deeds that need a second person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.oversight_desk import OversightDesk

activity = typer.Typer(help="The activity log: who did what, and whether its chain holds.", no_args_is_help=True)
approvals = typer.Typer(help="Deeds that need a second person: list, approve, refuse.", no_args_is_help=True)
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")]
Number = Annotated[int, typer.Argument(help="Number of the request.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")]


@activity.command("list")
def list_acts(
    actor: Annotated[str, typer.Option(help="Who, such as officer:anna.")] = "",
    verb: Annotated[str, typer.Option(help="What, such as pki.revoke.")] = "",
    thing: Annotated[str, typer.Option("--object", help="To what.")] = "",
    for_whom: Annotated[str, typer.Option("--for", help="TIN or person that it concerns.")] = "",
    limit: Limit = 50,
) -> None:
    """Print the newest acts that fit, one a line. Reading them is an act too."""
    with _desk() as desk:
        for one in desk.acts(actor=actor, verb=verb, thing=thing, for_whom=for_whom, limit=limit):
            act = one.act
            words = (act.actor, act.verb, act.object, act.for_whom and f"for {act.for_whom}", act.purpose)
            typer.echo(f"{one.seq:>9}  {act.at:%Y-%m-%d %H:%M:%S}  " + "  ".join(word for word in words if word))


@activity.command("verify")
def verify_acts() -> None:
    """Walk the whole chain and compare it with what the ledger was told; ends with 1 when it does not hold."""
    with _desk() as desk:
        found = desk.breaks()
    for one in found:
        typer.echo(f"entry {one.seq}: {one.what}")
    if found:
        raise typer.Exit(1)
    typer.echo("the activity log is whole")


@approvals.command("list")
def list_requests(limit: Limit = 50) -> None:
    """Print the requests, those that wait for a second person first."""
    with _desk() as desk:
        for one in desk.requests(limit):
            by = f"asked by {one.asked_by}" + (f", decided by {one.decided_by}" if one.decided_by else "")
            typer.echo(f"{one.request_id:>6}  {one.state:<9} {one.deed}  {one.object}  {by}: {one.reason}")


@approvals.command()
def approve(number: Number, officer: OfficerName) -> None:
    """Approve a request, as the second officer and from another account than the first."""
    with _desk() as desk:
        desk.approve(officer, number)
    typer.echo(f"request {number} is approved; it is carried out with the next round of the worker")


@approvals.command()
def refuse(number: Number, officer: OfficerName) -> None:
    """Refuse a request, or take one's own back."""
    with _desk() as desk:
        desk.refuse(officer, number)
    typer.echo(f"request {number} is refused")


@contextmanager
def _desk() -> Iterator[OversightDesk]:
    """The desk of this shell; what a room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.oversight_desk import open_oversight
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings

    try:
        with open_oversight(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
