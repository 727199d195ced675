"""Which database a command means: the one of the settings, that of a running demonstration, or its resting folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder


def database_file(run: Path) -> Path:
    """Where a running demonstration notes how its database is reached."""
    return run / "database"


@contextmanager
def open_database(settings: Settings, state: StateFolder) -> Iterator[str]:
    """The owner's connection string; an embedded server that rests is started and stopped again.

    Raises ``SettingsError`` when there is no database at all.
    """
    if settings.database_url:
        yield settings.database_url
        return
    if (running := running_database(state)) is not None:
        yield running
        return
    if not (state.postgres / "data").exists():
        raise SettingsError(f"there is no database in {state.demo}, and the setting database_url is empty")
    with EmbeddedPostgres(state.postgres, copies=state.binaries) as server:
        yield server.owner_dsn


def running_database(state: StateFolder) -> str | None:
    """The owner's connection string of a demonstration or sandbox that runs in this folder, none when none does."""
    try:
        dsn = database_file(state.run).read_text(encoding="utf-8")
        psycopg.connect(dsn, connect_timeout=5).close()
    except (OSError, psycopg.Error):
        return None
    return dsn
