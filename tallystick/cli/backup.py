"""`tallystick backup`: base backups, the log that is streamed between them, and what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.backup.desk import BackupDesk

app = typer.Typer(help="Backups of the authority's database, mirror and sealed keys.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="The folder of the backups, on another disk and another machine.")]
Slot = Annotated[str, typer.Option(help="Replication slot that keeps the log until it is fetched.")]
DEFAULT_SLOT = "tallystick_backup"


@app.command()
def take(
    folder: Folder,
    keep: Annotated[int, typer.Option(min=1, max=1_000, help="How many backups to keep; older ones are removed.")] = 7,
    slot: Slot = DEFAULT_SLOT,
) -> None:
    """Make a base backup while everything goes on; whole or not at all."""
    desk = _desk()
    with desk.database() as dsn:
        made, left_out = desk.take(dsn, folder, keep, slot)
    typer.echo(str(made))
    for name in left_out:
        typer.echo(f"left out, for it is secret in clear: {name}", err=True)


@app.command()
def follow(
    folder: Folder,
    once: Annotated[bool, typer.Option("--once", help="Fetch what there is now, and end.")] = False,
    slot: Slot = DEFAULT_SLOT,
) -> None:
    """Fetch the database's log as it is written, so that a restore can go to any moment; until Ctrl-C."""
    desk = _desk()
    with desk.database() as dsn:
        reached = desk.follow(dsn, folder, slot, once=once)
    typer.echo(f"fetched up to {reached}" if reached else "ended")


@app.command("list")
def list_backups(folder: Folder) -> None:
    """Print the backups that are whole: name, when they ended, how large the ledger was when they began."""
    from tallystick.ops.backup.desk import described

    for line in described(folder):
        typer.echo(line)


@app.command()
def end(slot: Slot = DEFAULT_SLOT) -> None:
    """Follow no more: the server need not keep its log for us any longer."""
    desk = _desk()
    with desk.database() as dsn:
        typer.echo("ended" if desk.end(dsn, slot) else "there was no such slot")


def _desk() -> BackupDesk:
    from tallystick.ops.backup.desk import BackupDesk

    return BackupDesk.of_settings()
