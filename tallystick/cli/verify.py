"""`tallystick verify`: an export of a ledger against public keys, without network and database."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def verify(
    export: Annotated[Path, typer.Argument(help="The folder of the export.")],
    policy: Annotated[Path, typer.Option(help="Whom you trust: keys of logs and witnesses, root certificates.")],
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A head that you kept from elsewhere; may be given several times.")
    ] = None,
    trust_list: Annotated[
        Path | None, typer.Option(help="The authority's trust list, got by another way than the export.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 takes all cores.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for programs.")] = False,
) -> None:
    """Check every signature, link, counter, total, leaf and head of an export; 0 whole, 1 broken, 3 unreadable."""
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.kernel.faults import Fault
    from tallystick.verifier import report
    from tallystick.verifier.breaks import Break
    from tallystick.verifier.policy import read_policy
    from tallystick.verifier.run import verify as run

    first: list[Break] = []
    count = 0

    def found(one: Break) -> None:
        nonlocal count
        count += 1
        if not first:
            first.append(one)
        typer.echo(report.break_json(count, one) if json else report.break_text(one))

    try:
        trusted = read_policy(policy)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("entries", total=None)
            outcome = run(
                export,
                trusted,
                kept=checkpoint or [],
                trust_list=trust_list,
                workers=workers,
                found=found,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except Fault as fault:
        typer.echo(f"tallystick: {fault}", err=True)
        sys.exit(report.UNREADABLE)
    one = first[0] if first else None
    if json:
        typer.echo(report.outcome_json(outcome, one))
    else:
        for line in report.outcome_text(outcome, one):
            typer.echo(line)
    sys.exit(report.exit_status(outcome))
