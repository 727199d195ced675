"""`tallystick sandbox`: an authority and E-SDCs to develop against."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="A sandbox for makers of POS, E-SDCs, registers and ERP systems: an authority, E-SDCs, test cards, test "
    "registers. Alone it starts.",
    invoke_without_command=True,
)


@app.callback()
def _alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        start()


@app.command()
def start(
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the former country and make a new one.")] = False,
    host: Annotated[str, typer.Option(help="Address of this machine for the public pages.")] = "127.0.0.1",
) -> None:
    """Start an authority, an E-SDC for each test card and the test registers, and print where they are; Ctrl-C ends."""
    from rich.console import Console

    from tallystick.ops.settings import load_settings
    from tallystick.simulation.sandbox import Sandbox

    raise typer.Exit(Sandbox(load_settings(), Console(), fresh=fresh, host=host).run())


@app.command()
def card(
    tin: Annotated[str, typer.Option(help="Tax number of the owner, in the country's form.")],
    name: Annotated[str, typer.Option(help="Name of the owner.")],
    limit: Annotated[int, typer.Option(help="What it may sign between two audits.", min=1, max=10**9)] = 1_000_000,
    foreign: Annotated[bool, typer.Option("--foreign", help="For another maker's E-SDC, not for ours.")] = False,
) -> None:
    """Make another test card in the running sandbox; prints its folder, its limit and, only this once, its PIN."""
    from tallystick.kernel.fixed_point import Money
    from tallystick.ops.settings import load_settings
    from tallystick.simulation.sandbox import add_card

    for line in add_card(load_settings(), tin=tin, name=name, limit=Money.of(limit), served=not foreign):
        typer.echo(line)


@app.command()
def register(
    kind: Annotated[str, typer.Option("--class", help="software, hardware or erp.")] = "software",
    folder: Annotated[
        Path | None, typer.Option(help="New folder for `tallystick ecr`: what the register is, root, passphrase.")
    ] = None,
) -> None:
    """Enter another register of the test company, or a connection of its ERP; prints its number and one-time code."""
    from tallystick.kernel.device_policy import DeviceClass
    from tallystick.ops.settings import load_settings
    from tallystick.simulation.sandbox import add_register
    from tallystick.simulation.sandbox_registers import CLASSES

    words = {one.word: one for one in CLASSES}
    if kind not in words:
        raise typer.BadParameter(f"one of {', '.join(words)}", param_hint="--class")
    for line in add_register(load_settings(), DeviceClass(words[kind]), folder):
        typer.echo(line)


@app.command("tax-service")
def tax_service(
    folder: Annotated[Path, typer.Option(help="Where it keeps what it receives.")],
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 is any free one.", min=0, max=65535)] = 0,
    manner: Annotated[
        str, typer.Option(help="How it behaves: well, slow, later, refuses, error, cut, down …")
    ] = "well",
) -> None:
    """Play the tax authority's own system for the queue of documents, until Ctrl-C.

    `PUT /manner` changes how it behaves, `GET /count` says what came.
    """
    from tallystick.simulation.tax_service import Manner, play

    if manner not in set(Manner):
        raise typer.BadParameter(f"one of {', '.join(Manner)}", param_hint="--manner")
    play(folder, port, Manner(manner), typer.echo)


@app.command()
def pos(
    url: Annotated[str, typer.Argument(help="The E-SDC, for example http://192.0.2.7:8888.")],
    pin_file: Annotated[Path | None, typer.Option(help="File with the card's PIN; without it none is sent.")] = None,
) -> None:
    """Be a POS for an E-SDC, ours or another maker's: ask everything, sell all ten kinds, say what differs."""
    from tallystick.simulation.sandbox_pos import pos_for

    pin = pin_file.read_text(encoding="ascii").strip() if pin_file is not None else None
    bad = 0
    for finding in pos_for(url, pin).walk():
        bad += bool(finding.trouble)
        typer.echo(
            f"{'DIFFERS' if finding.trouble else 'ok':8}{finding.question}{finding.trouble and ': '}{finding.trouble}"
        )
    raise typer.Exit(min(bad, 1))
