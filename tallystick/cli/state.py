"""`tallystick state`: where things lie, who runs, and how to end and remove it."""

from typing import Annotated

import typer

app = typer.Typer(help="Where things lie; end what runs; remove the demo's country.", no_args_is_help=True)


@app.command()
def where() -> None:
    """Print the folders that hold what is kept, one a line."""
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder

    settings = load_settings()
    state = StateFolder.of(settings.state)
    places = {
        "state": state.root,
        "database": "a server that exists" if settings.database_url else state.postgres,
        "mirror": settings.mirror or state.mirror,
        "tiles": state.tiles,
        "keys": state.keys,
        "esdc": state.demo / "esdc",
        "logs": state.logs,
    }
    for name, place in places.items():
        typer.echo(f"{name:10}{place}")


@app.command()
def stop() -> None:
    """End a run that goes on in the background, and whatever a killed run left behind."""
    from tallystick.ops.postgres.leftovers import end_leftovers
    from tallystick.ops.run_records import stop_run
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder

    state = StateFolder.of(load_settings().state)
    stopped = stop_run(state.run) if state.run.exists() else False
    left = end_leftovers(state.postgres / "data") if state.postgres.exists() else 0
    typer.echo("stopped" if stopped or left else "nothing was running")


@app.command()
def wipe() -> None:
    """Remove the demo's country: database, ledger, keys, cards. Ends what runs first; nothing outside is touched."""
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder

    stop()
    state = StateFolder.of(load_settings().state)
    typer.echo(f"removed {state.demo}" if state.wipe() else "there was nothing to remove")


@app.command()
def link(
    user: Annotated[
        str,
        typer.Argument(help="operator, officer-1, officer-2, taxpayer (the first one), or a taxpayer's TIN."),
    ] = "operator",
) -> None:
    """Print another one-time sign-in link to the pages of the running demonstration."""
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder
    from tallystick.simulation.sign_in import print_link

    raise typer.Exit(print_link(StateFolder.of(load_settings().state), user))
