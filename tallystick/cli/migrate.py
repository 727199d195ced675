"""`tallystick migrate`: brings the database of the settings to the newest schema."""

import typer


def migrate() -> None:
    """Bring the database to the newest schema: the server of TALLYSTICK_DATABASE_URL, else the embedded one."""
    from contextlib import ExitStack

    from tallystick.ops.postgres import EmbeddedPostgres
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.schema.migrate import migrate as run
    from tallystick.ops.settings import load_settings
    from tallystick.ops.shell_acts import note_alone
    from tallystick.ops.state_folder import StateFolder

    settings = load_settings()
    state = StateFolder.of(settings.state)
    with ExitStack() as stack:
        dsn = settings.database_url
        if not dsn:
            state.make()
            server = EmbeddedPostgres(state.postgres, copies=state.binaries)
            dsn = stack.enter_context(server).owner_dsn
        run(dsn)
        note_alone(dsn, "schema.migrate", system_clock())
    typer.echo("the schema is up to date")
