"""`tallystick restore`: the drill, the restore for real, and completing a database that was restored by other means."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.kernel.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.ops.backup.completing import Outcome
    from tallystick.ops.backup.desk import BackupDesk

    Progress = Callable[[int, int], None]

app = typer.Typer(help="The way back from a backup: rehearse it, and do it.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="The folder of the backups.")]
At = Annotated[str, typer.Option(help="Up to this moment, such as 2026-11-27T15:00:00Z; empty: all that there is.")]
Name = Annotated[str, typer.Option("--backup", help="This backup; empty: the newest one that reaches the moment.")]
Heads = Annotated[
    list[Path] | None,
    typer.Option("--head", help="A signed head that somebody kept; may be given several times."),
]
Key = Annotated[str, typer.Option(help="The log's first key as text; empty: that of the state folder.")]


@app.command()
def drill(
    folder: Folder,
    at: At = "",
    backup: Name = "",
    head: Heads = None,
    place: Annotated[Path | None, typer.Option(help="Where the copy is made; needs room for it.")] = None,
    key: Key = "",
) -> None:
    """Restore a backup in a folder of its own, prove that nothing lacks, and throw it away; 1 when something does."""
    with _desk(head, key) as (desk, progress):
        outcome = desk.drill(folder, _moment(at), backup, place, progress)
    _end(outcome, "the drill", "the backup is whole, and nothing lacks that anybody knows of")


@app.command()
def database(folder: Folder, at: At = "", backup: Name = "", head: Heads = None, key: Key = "") -> None:
    """Put a backup into the place of the embedded database that is gone, and complete it from the mirror."""
    with _desk(head, key) as (desk, progress):
        outcome = desk.restore(folder, _moment(at), backup, progress)
    _end(outcome, "the restore", "restored; the ledger is whole, and nothing lacks that anybody knows of")


@app.command("catch-up")
def catch_up(head: Heads = None, key: Key = "") -> None:
    """Complete a database that was restored by other means: book again from the mirror, erase again, check."""
    with _desk(head, key) as (desk, progress):
        outcome = desk.catch_up(progress)
    _end(outcome, "the restore", "the ledger is whole, and nothing lacks that anybody knows of")


def _end(outcome: Outcome, what: str, good: str) -> None:
    from tallystick.ops.backup.completing import lines

    for line in lines(outcome):
        typer.echo(line)
    if outcome.lost:
        raise Fault("TS-3187", detail=f"{what} is incomplete: {outcome.lost:,} entries are known of and are nowhere")
    if not outcome.is_complete:
        sys.exit(f"{what} found trouble")
    typer.echo(good)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a moment is written like 2026-11-27T15:00:00Z") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("a moment needs its offset, such as Z")
    return moment


@contextmanager
def _desk(heads: list[Path] | None, key: str) -> Iterator[tuple[BackupDesk, Progress]]:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from tallystick.ops.backup.desk import BackupDesk

    desk = BackupDesk.of_settings(heads=heads or (), key=key, tell=lambda line: typer.echo(line, err=True))
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking entries", total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield desk, show
