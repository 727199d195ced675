"""`tallystick esdc`: sales data controllers at the premises."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run sales data controllers (E-SDC).", no_args_is_help=True)
clock = typer.Typer(help="Check, set and keep the time of a device, running or not.", no_args_is_help=True)
app.add_typer(clock, name="clock")

Card = Annotated[Path, typer.Option(help="Folder of the card that the device was started with.")]


@app.command()
def run(
    card: Annotated[
        Path | None,
        typer.Option(help="Folder of a virtual card; the store lies beside it. With a reader: of its client key only."),
    ] = None,
    slot: Annotated[
        Path | None,
        typer.Option(help="A link to the folder of a virtual card: made, it puts a card in; removed, takes it out."),
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="PC/SC reader by name, or by a part of it. Else the setting card_reader.")
    ] = None,
    stores: Annotated[
        Path | None,
        typer.Option(help="With a reader or a slot: folder of the stores, one a card. Else in the state folder."),
    ] = None,
    name: Annotated[str, typer.Option(help="With a reader or a slot: serial number of this device.")] = "ESDC0001",
    authority_ca: Annotated[
        Path | None, typer.Option(help="Root certificate of the authority (PEM). Without it the device only sells.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for POS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="First port to try for POS.")] = 8888,
    face: Annotated[bool, typer.Option(help="Serve the page for whoever stands at the device.")] = True,
) -> None:
    """Serve one card to POS, and talk to the authority that the card names."""
    from tallystick.ops.processes.esdc import Place
    from tallystick.ops.processes.esdc import run as serve

    serve(Place(card=card, slot=slot, reader=reader, stores=stores, name=name), authority_ca, host, port, face=face)


@app.command()
def rack() -> None:
    """Serve all cards of the demonstration, a port and a store each."""
    from tallystick.ops.processes.esdc import run_rack

    run_rack()


@app.command()
def log(
    card: Card,
    words: Annotated[str, typer.Argument(help="Only lines that hold all these words.")] = "",
    out: Annotated[Path | None, typer.Option(help="File to write, or a folder, such as that of a USB stick.")] = None,
) -> None:
    """Show or export the log of a device, running or not."""
    from tallystick.ops.esdc_tools import export_log

    typer.echo(export_log(card, words, out), nl=False)


@clock.command()
def show(card: Card) -> None:
    """Say what time the device has, since when, from whom, and what it adds to the machine's clock."""
    from tallystick.ops.esdc_tools import clock_text

    typer.echo(clock_text(card))


@clock.command("set")
def set_time(
    card: Card,
    time: Annotated[str, typer.Argument(help="Date and time, such as 2026-11-27T10:42; local time without an offset.")],
) -> None:
    """Set the device's clock by hand; the machine's clock stays as it is."""
    from tallystick.ops.esdc_tools import set_clock

    typer.echo(set_clock(card, time))


@clock.command()
def sync(
    card: Card,
    server: Annotated[str, typer.Argument(help="Time server; without it the one that gave the time last.")] = "",
    take: Annotated[bool, typer.Option(help="Take the time however far it is from the device's.")] = False,
) -> None:
    """Ask a time server at once."""
    from tallystick.ops.esdc_tools import sync_clock

    typer.echo(sync_clock(card, server, take=take))


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
