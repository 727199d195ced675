"""`tallystick ceremony`: the authority's keys are made by several people, or the making is rehearsed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Hold, rehearse or check a key ceremony.", no_args_is_help=True)


_WIPE = "\x1b[2J\x1b[3J\x1b[H"
"""Clears the screen, and with it what was scrolled away."""


class Keyboard:
    """The console of the machine: shares are shown on a screen that is wiped afterwards."""

    def say(self, text: str) -> None:
        """Show a text."""
        typer.echo(text)

    def ask(self, prompt: str) -> str:
        """One line."""
        answer: str = typer.prompt(prompt, prompt_suffix="", default="", show_default=False)
        return answer

    def ask_secret(self, prompt: str) -> str:
        """One line that is not shown."""
        answer: str = typer.prompt(prompt, prompt_suffix="", default="", show_default=False, hide_input=True)
        return answer

    def show_alone(self, text: str) -> None:
        """Show, wait, wipe; on a terminal the screen and what was scrolled away."""
        typer.echo(f"{_WIPE}{text}")
        self.ask("\nWritten down and compared? Press Enter, and the words go. ")
        typer.echo(_WIPE)


@app.command()
def script(
    of_root: Annotated[bool, typer.Option("--root", help="Those of a later ceremony of the root.")] = False,
) -> None:
    """Print the steps, for the invitation and for the wall."""
    from tallystick.ops.ceremony.script import ROOT_STEPS, STEPS

    for number, step in enumerate(ROOT_STEPS if of_root else STEPS, 1):
        typer.echo(f"{number}. {step.title}\n   {step.said}")


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(help="Where record, certificates and public keys are written.")],
    quorum: Annotated[int, typer.Option(min=2, max=16, help="How many custodians are needed.")] = 3,
    custodians: Annotated[int, typer.Option(min=2, max=16, help="How many custodians there are.")] = 5,
    observers: Annotated[int, typer.Option(min=1, max=9, help="How many observers tick.")] = 2,
    host: Annotated[list[str] | None, typer.Option(help="Names that server certificates may bear.")] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Rehearse: throw-away keys in a folder that goes away; nothing is touched."),
    ] = False,
) -> None:
    """Lead through a ceremony, and go on with an interrupted one. The settings say store, country and operator."""
    from tallystick.ops.ceremony.commands import hold, rehearse
    from tallystick.ops.ceremony.conduct import People
    from tallystick.ops.settings import load_settings

    settings = load_settings()
    people = People(quorum=quorum, custodians=custodians, observers=observers)
    hosts = tuple(host or ())
    if dry_run:
        record = rehearse(settings, Keyboard(), people, hosts)
        typer.echo(f"\nThe rehearsal is at its end after {len(record.lines)} steps; nothing of it is kept.")
        return
    record = hold(settings, folder, Keyboard(), people, hosts)
    typer.echo(f"\nThe record is {record.path}; its hash is {record.hash.hex()}.")
    typer.echo("Enter it into the ledger with: tallystick ceremony enter FOLDER")


@app.command()
def activate(
    folder: Annotated[Path, typer.Argument(help="Folder of the ceremony, for its record.")],
    secret_file: Annotated[Path, typer.Option(help="File of `key_store_secret_file`, on a disk in memory.")],
) -> None:
    """Let a quorum of custodians type their shares; writes the passphrase or PIN that the key processes read."""
    from tallystick.ops.ceremony.commands import activate as activate_now
    from tallystick.ops.settings import load_settings

    activate_now(load_settings(), folder, Keyboard(), secret_file)
    typer.echo(f"{secret_file} holds it. Remove the file when the key processes run.")


@app.command()
def verify(record: Annotated[Path, typer.Argument(help="The record's file.")]) -> None:
    """Check that a record is whole, and print its hash."""
    from tallystick.ops.ceremony.record import Record
    from tallystick.ops.ceremony.script import NAMES

    found = Record.open(record)
    typer.echo(f"steps {len(found.lines)} of {len(NAMES)}, the last one: {found.done[-1] if found.done else 'none'}")
    if found.lines:
        typer.echo(f"hash  {found.hash.hex()}")


@app.command()
def enter(folder: Annotated[Path, typer.Argument(help="Folder of the ceremony.")]) -> None:
    """Enter the keys of a ceremony into the database, and the record's hash into the ledger; once, however often."""
    from tallystick.ops.ceremony.commands import enter as enter_now
    from tallystick.ops.settings import load_settings

    count, is_new = enter_now(load_settings(), folder)
    if not count and not is_new:
        typer.echo("Keys and record were entered before; nothing changed.")
        return
    typer.echo(f"{count} keys entered; the worker books them and the record's hash.")


@app.command()
def root(
    folder: Annotated[Path, typer.Argument(help="Folder of the first ceremony, with its store.")],
    new: Annotated[list[str] | None, typer.Option(help="A branch that gets another authority: device-ca…")] = None,
    revoke: Annotated[list[str] | None, typer.Option(help="An authority that the root revokes.")] = None,
    reason: Annotated[str, typer.Option(help="Why it revokes: ca-compromise, superseded…")] = "ca-compromise",
    observers: Annotated[int, typer.Option(min=1, max=9, help="How many observers tick.")] = 2,
    host: Annotated[list[str] | None, typer.Option(help="Names for a new service-ca; else those of the first.")] = None,
) -> None:
    """Bring the root out of its safe: it certifies a branch's next authority, revokes one, and signs its next list.

    Without either it signs its list alone. Goes on with an interrupted one.
    """
    from tallystick.ops.ceremony.root_commands import hold as hold_root
    from tallystick.ops.ceremony.root_session import Task
    from tallystick.ops.settings import load_settings

    task = Task(branches=tuple(new or ()), revoke=tuple(revoke or ()), reason=reason)
    record = hold_root(load_settings(), folder, Keyboard(), task, observers=observers, hosts=tuple(host or ()))
    typer.echo(f"\nThe record is {record.path}; its hash is {record.hash.hex()}.")
    typer.echo("Bring it into service with: tallystick ceremony bring FOLDER")


@app.command()
def bring(
    folder: Annotated[Path, typer.Argument(help="Folder of the ceremony, or a copy of it.")],
    officer: Annotated[str, typer.Option(help="User name of the officer who brings it.")],
) -> None:
    """Where the authority runs: put what the root made into service; once, however often."""
    from tallystick.ops.ceremony.root_commands import bring as bring_now
    from tallystick.ops.settings import load_settings

    brought = bring_now(load_settings(), folder, officer)
    for name in brought.new:
        typer.echo(f"{name} stands beside the others of its branch and issues from now on")
    for name in brought.withdrawn:
        typer.echo(f"{name} is withdrawn, as the root says")
    if not brought.new and not brought.withdrawn and not brought.records:
        typer.echo("It was brought before; nothing changed.")
