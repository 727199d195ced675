"""`tallystick taxservice`: the queue of documents to the tax authority's own system."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.authority.projections.taxservice.kinds import DocumentKind
    from tallystick.ops.tax_desk import TaxDesk

app = typer.Typer(help="The queue to the tax authority's own system: status, dead letters.", no_args_is_help=True)


@app.command()
def status(
    six_hours: Annotated[bool, typer.Option("--six-hours", help="Count the past six hours alone.")] = False,
) -> None:
    """Print how the queue and the service stand, and documents by type and state."""
    from tallystick.authority.projections.taxservice.queries import Span
    from tallystick.authority.projections.taxservice.values import State

    with _desk() as desk:
        standing, figures = desk.status(Span.SIX_HOURS if six_hours else Span.ALL)
    breaker = standing.breaker
    if breaker.open_since is not None and breaker.probe_at is not None:
        typer.echo(f"the tax service is away since {breaker.open_since:%Y-%m-%d %H:%M:%S} UTC: {breaker.trouble}")
        typer.echo(f"it is asked again at {breaker.probe_at:%H:%M:%S} UTC")
    elif breaker.answered_at is not None:
        typer.echo(f"the tax service answered last at {breaker.answered_at:%Y-%m-%d %H:%M:%S} UTC")
    if breaker.open_since is None and breaker.failures:
        typer.echo(f"troubles in a row since then: {breaker.failures}; the last one: {breaker.trouble}")
    if standing.behind:
        typer.echo(f"{standing.behind:,} entries of the ledger are not in the queue yet")
    if figures.since is not None:
        typer.echo(f"documents booked since {figures.since:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"{'type':<14}" + "".join(f"{state:>12}" for state in State))
    for one in figures.types:
        typer.echo(f"{one.kind:<14}" + "".join(f"{one.states.get(state, 0):>12,}" for state in State))
    typer.echo(f"{'all':<14}" + "".join(f"{figures.states[state]:>12,}" for state in State))


@app.command()
def dead(
    kind: Annotated[str, typer.Option("--type", help="Of this type alone, such as receipt.")] = "",
    after: Annotated[int, typer.Option(min=-1, help="Behind this entry of the ledger.")] = -1,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the oldest first.")] = 50,
) -> None:
    """Print documents that wait for a person. That you have read them is an act in the log."""
    wanted = _kind(kind)
    with _desk() as desk:
        found = desk.dead(wanted, after, limit)
    for one in found:
        typer.echo(
            f"{one.log_index:>10}  {one.state:<8}  {one.kind:<10}  TIN {one.tin or '-'}  "
            f"{one.decided_at:%Y-%m-%d %H:%M}  {one.code}: {one.reason}"
        )


@app.command()
def resend(
    officer: Annotated[str, typer.Option("--officer", help="User name of the officer who decides.")],
    reason: Annotated[str, typer.Option(help="Why; 10 to 1,000 characters.")],
    entry: Annotated[int | None, typer.Argument(help="The document's entry in the ledger.", min=0)] = None,
    kind: Annotated[str, typer.Option("--type", help="All dead letters of a type instead, 5,000 at once.")] = "",
) -> None:
    """Send a dead letter again, or those of a type, under the key that each always had."""
    wanted = _kind(kind)
    with _desk() as desk:
        count = desk.resend(officer, reason, entry=entry, kind=wanted)
    typer.echo(f"{count:,} {'document is' if count == 1 else 'documents are'} sent again")


def _kind(name: str) -> DocumentKind | None:
    from tallystick.authority.projections.taxservice.kinds import DocumentKind

    if not name:
        return None
    if name not in set(DocumentKind):
        raise typer.BadParameter(f"one of {', '.join(DocumentKind)}", param_hint="--type")
    return DocumentKind(name)


@contextmanager
def _desk() -> Iterator[TaxDesk]:
    """The desk of this shell; what the room refuses is one sentence with its code."""
    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.settings import load_settings
    from tallystick.ops.tax_desk import open_tax_desk

    try:
        with open_tax_desk(load_settings(), system_clock) as desk:
            yield desk
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
