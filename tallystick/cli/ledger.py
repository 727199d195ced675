"""`tallystick ledger`: the ledger's own check."""

import sys

import typer

app = typer.Typer(help="Check the ledger.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep the group a group while it has one command."""


@app.command()
def verify() -> None:
    """Check bodies, records, five sequences, tree, checkpoints and the mirror; exit code 1 when they contradict."""
    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from tallystick.crypto.pki import DemoPki
    from tallystick.ops.database import open_database
    from tallystick.ops.packs import load_pack
    from tallystick.ops.self_check import check_ledger
    from tallystick.ops.settings import load_settings
    from tallystick.ops.state_folder import StateFolder

    settings = load_settings()
    if not settings.database_url:  # the embedded server is the demonstration's
        settings = msgspec.structs.replace(settings, timing="demo")
    state = StateFolder.of(settings.state)
    pki = DemoPki.load(state.keys, environment=load_pack(settings.country).environment)
    with open_database(settings, state) as dsn, Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("entries", total=None)
        findings = check_ledger(
            dsn,
            settings,
            state,
            pki.public_key("log"),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    for found in findings:
        typer.echo(str(found))
    if findings:
        sys.exit(f"the ledger is not whole: {len(findings)} findings")
    typer.echo("the ledger is whole")
