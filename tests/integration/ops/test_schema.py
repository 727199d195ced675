"""The migration chain and the working roles: what they may, what they may not, how long they may take."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import tallystick.authority
from tallystick.ops.schema.roles import (
    ERASER,
    INTAKE,
    PORTAL,
    SEQUENCER,
    TIMEOUTS,
    WORKING_ROLES,
    UnsafeRole,
    as_role,
    check_working_role,
)
from tallystick.ops.schema.rooms import ROOMS


def test_every_room_that_owns_tables_has_its_first_file() -> None:
    authority = Path(tallystick.authority.__path__[0])
    found = {str(file.parent.parent.relative_to(authority)) for file in authority.rglob("schema/[0-9]*_*.sql")}
    assert found == set(ROOMS)


@pytest.mark.parametrize("settings", ["", "tallystick.portals.settings"])
def test_migrating_again_changes_nothing(database: str, settings: str) -> None:
    """Nor does a process that has Django settings of its own, with further apps."""
    before = _tables(database)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"DJANGO_SETTINGS_MODULE": settings} if settings else {}
    command = [sys.executable, "-m", "tallystick.ops.schema.migrate", database]
    done = subprocess.run(command, env=environment, timeout=60, check=False)
    assert done.returncode == 0
    assert _tables(database) == before
    assert ("portal", "django_session") in before
    assert ("portal", "auth_group") not in before


def _tables(dsn: str) -> list[tuple[str, str]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname NOT IN"
            " ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        ).fetchall()


@pytest.mark.parametrize("role", WORKING_ROLES)
def test_a_working_role_is_bounded_in_time_and_owns_nothing(database: str, role: str) -> None:
    with psycopg.connect(as_role(database, role)) as connection:
        check_working_role(connection)
        for name, value in TIMEOUTS.items():
            row = connection.execute("SELECT current_setting(%s)::interval = %s::interval", [name, value]).fetchone()
            assert row == (True,), name
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE SCHEMA mine")


def test_the_owner_must_not_serve(database: str) -> None:
    with psycopg.connect(database) as connection, pytest.raises(UnsafeRole, match="tallystick_owner"):
        check_working_role(connection)


def test_a_login_that_takes_the_role_on_has_its_bounds_too(database: str) -> None:
    """On a server that exists the login stays; the role and its timeouts come with the session."""
    parts = conninfo_to_dict(as_role("host=db.example user=admin password=x dbname=y", INTAKE))
    assert parts["user"] == "admin"
    options = str(parts["options"])
    with psycopg.connect(database, options=options) as connection:
        assert connection.execute("SELECT current_user::text").fetchone() == (INTAKE,)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_only_the_sequencer_writes_the_ledger(database: str) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            """SELECT r.rolname::text, bool_or(has_table_privilege(r.rolname, c.oid, 'INSERT'))
               FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'ledger' AND c.relkind IN ('r', 'p') AND r.rolname = ANY(%s) GROUP BY 1""",
            [list(WORKING_ROLES)],
        ).fetchall()
    assert dict(rows) == {SEQUENCER: True, INTAKE: False, PORTAL: False, ERASER: False}
