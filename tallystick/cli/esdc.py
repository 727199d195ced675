"""`tallystick esdc`: sales data controllers at the premises."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run sales data controllers (E-SDC).", no_args_is_help=True)


@app.command()
def run(
    card: Annotated[Path, typer.Option(help="Folder of the virtual card; the store lies beside it.")],
    authority_ca: Annotated[
        Path | None, typer.Option(help="Root certificate of the authority (PEM). Without it the device only sells.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for POS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="First port to try for POS.")] = 8888,
) -> None:
    """Serve one card to POS, and talk to the authority that the card names."""
    from tallystick.ops.processes.esdc import run as serve

    serve(card, authority_ca, host, port)


@app.command()
def rack() -> None:
    """Serve all cards of the demonstration, a port and a store each."""
    from tallystick.ops.processes.esdc import run_rack

    run_rack()


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="The medium: a folder that is there.", exists=True, file_okay=False)],
    card: Annotated[Path, typer.Option(help="Folder of the card with which the device runs.", exists=True)],
) -> None:
    """Press the button of a running E-SDC: carry out the medium's commands, then copy packages to it."""
    from tallystick.device.esdc.local_audit_button import NobodyThere, press

    def show(state: dict[str, str | int | bool]) -> None:
        typer.echo(
            f"{state['phase']}: {state['copied']} packages copied, {state['there']} there already, "
            f"of {state['total']}; {state['commands']} commands carried out"
        )

    try:
        end = press(card, folder, show)
    except NobodyThere as error:
        typer.echo(f"tallystick: {error}", err=True)
        raise typer.Exit(1) from None
    if end["trouble"]:
        typer.echo(f"not everything was done: {end['trouble']}")
    raise typer.Exit(int(end["phase"] == "failed"))


@app.command()
def dump(
    store: Annotated[Path, typer.Argument(help="A store (esdc.db), or a folder with one or several.", exists=True)],
    folder: Annotated[Path, typer.Argument(help="Where the packages go.", exists=True, file_okay=False)],
) -> None:
    """Copy all packages of a device whose card is dead, in the layout of a medium (S2-145)."""
    from tallystick.device.esdc.database import StoreBroken, StoreTaken
    from tallystick.device.esdc.dump import dump as copy
    from tallystick.device.esdc.dump import find_stores
    from tallystick.device.esdc.medium import Medium, MediumError

    failed = False
    stores = find_stores(store)
    if not stores:
        typer.echo(f"tallystick: there is no store in {store}", err=True)
        raise typer.Exit(1)
    for file in stores:
        try:
            done = copy(file, Medium(folder))
        except (StoreBroken, StoreTaken, MediumError) as error:
            typer.echo(f"{file}: {error}", err=True)
            failed = True
            continue
        typer.echo(f"{done.uid}: {done.written} packages copied, {done.there} there already")
        if done.lost:
            typer.echo(f"{done.uid}: cannot be read any more: {', '.join(map(str, done.lost))}", err=True)
            failed = True
    raise typer.Exit(int(failed))
