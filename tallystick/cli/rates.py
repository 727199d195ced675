"""`tallystick rates`: what is published, and the request that more be published."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.rate_desk import RateDesk, ShownGroup

app = typer.Typer(help="Tax rates: list, show, publish as two persons.", no_args_is_help=True)
_FILE = "TOML as in a country pack, or TaxCore's JSON; the groups of the pack itself if left out."
File = Annotated[Path | None, typer.Argument(help=_FILE, exists=True, dir_okay=False)]
_DESPITE = "Number of an announced group that begins then or later; may be given several times."
Despite = Annotated[list[int] | None, typer.Option(help=_DESPITE)]


@app.command("list")
def list_groups() -> None:
    """Print the published groups, and requests that wait or came too late. Reading requests is an act in the log."""
    with _desk() as desk:
        groups, requests = desk.published()
    for one in groups:
        who = f"  by request {one.request.request_id}" if one.request else ""
        typer.echo(f"{_head(one)}  {one.standing:<9}  labels {' '.join(sorted(one.group.labels()))}{who}")
    for waiting in requests:
        state = {"done": "came too late"}.get(waiting.state, waiting.state)
        typer.echo(f"request {waiting.request_id}  {state}  asked by {waiting.asked_by}: {waiting.reason}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="Number of the group; of the request with --request.")],
    request: Annotated[bool, typer.Option("--request", help="What a request would publish.")] = False,
) -> None:
    """Print a group with every rate, and what changes with it. Look at a request so before you approve it."""
    with _desk() as desk:
        found = desk.asked(number) if request else [one for one in desk.published()[0] if one.group.group_id == number]
    if not found:
        sys.exit(f"tallystick: no group {number} is published")
    _print(found)


@app.command()
def publish(
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who asks.")],
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
    file: File = None,
    despite: Despite = None,
) -> None:
    """Ask that rate groups be published; another officer approves with `tallystick approvals approve`."""
    from tallystick.wire.pack_rates import read_rate_file

    with _desk() as desk:
        groups = None if file is None else read_rate_file(file.read_bytes(), file.name)
        number, asked = desk.ask(officer, groups, despite or (), reason)
        lead = (asked[0].group.valid_from - desk.clock()).total_seconds() / 3600
        hours = desk.pack.channels.offline_hours
    _print(asked)
    if 0 < lead < hours:
        typer.echo(f"it begins in {int(lead)} hours; a register may be without contact for {hours} and sell meanwhile")
    typer.echo(f"request {number} waits for a second officer, 24 hours at most")


def _print(groups: Sequence[ShownGroup]) -> None:
    for one in groups:
        typer.echo(f"{_head(one)}  {one.standing}")
        for category in one.group.categories:
            rates = ", ".join(f"{rate.label} {rate.rate.decimal.normalize():f}" for rate in category.rates)
            typer.echo(f"  {category.name} ({category.category_type.word}, {category.order_id}): {rates}")
        for change in one.changes:
            typer.echo(f"  * {change}")


def _head(one: ShownGroup) -> str:
    return f"group {one.group.group_id:>4}  from {one.group.valid_from:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def _desk() -> Iterator[RateDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.rate_desk import open_rates
    from tallystick.ops.settings import load_settings

    try:
        with open_rates(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
