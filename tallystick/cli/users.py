"""`tallystick users`: the first officers of an authority, who is let in after them, and who acts for whom."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.user_desk import UserDesk

app = typer.Typer(help="Users: officers, operators, service centres, taxpayers, makers.", no_args_is_help=True)
Username = Annotated[str, typer.Argument(help="User name: small letters, digits, and . _ - behind a letter.")]
OfficerName = Annotated[str, typer.Option("--officer", help="User name of the officer or operator who acts.")]
Reason = Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")]
TinOption = Annotated[str, typer.Option(help="TIN of the taxpayer.")]
_ROLE = "operator, officer, service_centre, taxpayer, manufacturer or developer"


@app.command()
def found(
    officer: Annotated[
        list[str], typer.Option(help="User name of an officer, or NAME=Full Name; give it at least twice.")
    ],
) -> None:
    """Enter an authority's first officers, once; from then on two of them appoint another."""
    named = {name: full or name for name, _, full in (one.partition("=") for one in officer)}
    with _desk() as desk:
        desk.found(named)
    typer.echo(f"{', '.join(named)}: officers")


@app.command()
def add(
    username: Username,
    name: Annotated[str, typer.Option(help="Name as people know it.")],
    role: Annotated[str, typer.Option(help=f"{_ROLE}.")],
    officer: OfficerName,
    reason: Reason,
) -> None:
    """Let somebody in, or in again. An officer or operator is appointed by two: `tallystick approvals approve`."""
    from tallystick.authority.reference.registry.users import Role

    if role not in {*Role}:
        raise typer.BadParameter(f"one of {_ROLE}", param_hint="--role")
    with _desk() as desk:
        number = desk.add(officer, username, name, Role(role), reason)
    if number is None:
        typer.echo(f"{username} is entered ({role})")
    else:
        typer.echo(f"request {number} waits for a second officer, 24 hours at most")


@app.command()
def dismiss(username: Username, officer: OfficerName, reason: Reason) -> None:
    """Keep somebody out from now on, whoever he is."""
    with _desk() as desk:
        desk.dismiss(officer, username, reason)
    typer.echo(f"{username} is kept out")


@app.command()
def bind(username: Username, tin: TinOption, officer: OfficerName, reason: Reason) -> None:
    """Let a taxpayer's or service centre's user act for a taxpayer."""
    with _desk() as desk:
        is_new = desk.bind(officer, username, tin, reason)
    typer.echo(f"{username} acts for {tin}" + ("" if is_new else " already"))


@app.command()
def release(username: Username, tin: TinOption, officer: OfficerName, reason: Reason) -> None:
    """Let him act for that taxpayer no more."""
    with _desk() as desk:
        desk.release(officer, username, tin, reason)
    typer.echo(f"{username} acts for {tin} no more")


@app.command("list")
def list_users(
    role: Annotated[str, typer.Option(help="Of this role alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, by name.")] = 200,
) -> None:
    """Print users and whom they act for. That you have read them is an act in the log."""
    with _desk() as desk:
        found = desk.listed(role, limit)
    for username, name, their_role, is_active, tins in found:
        acts_for = f"  for {', '.join(tins)}" if tins else ""
        typer.echo(f"{username:<32}  {their_role:<14}  {'active' if is_active else 'kept out':<8}  {name}{acts_for}")


@contextmanager
def _desk() -> Iterator[UserDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings
    from tallystick.ops.user_desk import open_users

    try:
        with open_users(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
