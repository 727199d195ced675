"""`tallystick esdc`: sales data controllers at the premises."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run sales data controllers (E-SDC).", no_args_is_help=True)


@app.command()
def run(
    card: Annotated[
        Path | None,
        typer.Option(help="Folder of a virtual card; the store lies beside it. With a reader: of its client key only."),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="PC/SC reader by name, or by a part of it. Else the setting card_reader.")
    ] = None,
    stores: Annotated[
        Path | None, typer.Option(help="With a reader: folder of the stores, one a card. Else in the state folder.")
    ] = None,
    name: Annotated[str, typer.Option(help="With a reader: serial number of this device.")] = "ESDC0001",
    authority_ca: Annotated[
        Path | None, typer.Option(help="Root certificate of the authority (PEM). Without it the device only sells.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for POS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="First port to try for POS.")] = 8888,
) -> None:
    """Serve one card to POS, and talk to the authority that the card names."""
    from tallystick.ops.processes.esdc import Place
    from tallystick.ops.processes.esdc import run as serve

    serve(Place(card=card, reader=reader, stores=stores, name=name), authority_ca, host, port)


@app.command()
def rack() -> None:
    """Serve all cards of the demonstration, a port and a store each."""
    from tallystick.ops.processes.esdc import run_rack

    run_rack()
