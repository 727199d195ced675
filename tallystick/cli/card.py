"""`tallystick card`: virtual secure elements for makers of cards, readers and other E-SDCs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make a virtual card, put it into a virtual PC/SC reader, list readers.", no_args_is_help=True)


@app.command()
def make(
    card: Annotated[Path, typer.Option(help="Folder of the new card.")],
    pki: Annotated[Path, typer.Option(help="Folder of the sandbox's authorities; made when it is not there.")],
    uid: Annotated[str, typer.Option(help="Eight upper-case letters or digits.")] = "SANDBOX1",
    tin: Annotated[str, typer.Option(help="Taxpayer's number in the certificate.")] = "123456789",
    limit: Annotated[str, typer.Option(help="Most unaudited turnover.")] = "100000",
    profile: Annotated[str, typer.Option(help="Version of the applet, such as 2.0.0, 3.1.1, 3.2.5.")] = "3.2.8",
    categories: Annotated[int, typer.Option(help="Highest tax category, for good.", min=1, max=16)] = 6,
    signed: Annotated[int, typer.Option(help="Where the total counter begins; 4294967294 to see its end.", min=0)] = 0,
    api_url: Annotated[
        str, typer.Option(help="Address of the authority in the certificate.")
    ] = "https://localhost:8443/",
) -> None:
    """Personalise a virtual card of a sandbox. The PIN is asked for, or read from standard input."""
    from tallystick.ops.processes.card import CardOrder
    from tallystick.ops.processes.card import make as make_card

    asked = sys.stdin.isatty()
    pin = typer.prompt("PIN (four digits)", hide_input=True) if asked else sys.stdin.readline().strip()
    order = CardOrder(
        uid=uid,
        tin=tin,
        limit=limit,
        profile=profile,
        categories=categories,
        api_url=api_url,
        invoices_signed=signed,
    )
    make_card(card, pki, pin, order)
    typer.echo(f"card {uid} in {card}")


@app.command()
def blank(
    card: Annotated[Path, typer.Option(help="Folder of the new module.")],
    form: Annotated[str, typer.Option(help="Its form.", metavar="card|usb-key")] = "card",
) -> None:
    """Supply a factory-fresh virtual module, for `tallystick production run --reader`."""
    from tallystick.ops.processes.card import make_blank

    make_blank(card, form)
    typer.echo(f"blank in {card}")


@app.command()
def serve(
    card: Annotated[Path, typer.Option(help="Folder of the virtual card, or of a blank.")],
    vpcd: Annotated[str, typer.Option(help="Where the virtual reader waits for a card.")] = "127.0.0.1:35963",
    protocol: Annotated[str, typer.Option(help="0 for T=0, 1 for T=1.", metavar="0|1")] = "1",
) -> None:
    """Put a virtual card into the reader of vpcd, until the process is told to end; comes back when pcscd does."""
    from tallystick.ops.processes.card import serve as serve_card

    serve_card(card, vpcd, protocol)


@app.command()
def readers() -> None:
    """List the PC/SC readers of this machine, and whether a card is in."""
    from tallystick.device.secure_element.pcsc import list_readers

    found = list_readers()
    for name, has_card in found:
        typer.echo(f"{'card ' if has_card else 'empty'} {name}")
    if not found:
        typer.echo("no reader")
