"""Brings a database to the newest schema: roles, then the chain, then the rights. Safe to run again and again."""

import os
import sys

import django
import psycopg
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from psycopg.conninfo import conninfo_to_dict

from tallystick.ops.schema.roles import give_rights, make_roles

# Apps with tables that Django manages, beside our own chain.
MANAGED_APPS = ("django.contrib.sessions", "tallystick.ops.schema")
_LOCK_NUMBER = 0x7A11_57C1
_ALIAS = "migration"


def migrate(dsn: str) -> None:
    """Migrate the database that `dsn` names, as its owner. A second caller waits for the first.

    Raises `psycopg.Error` when the server refuses a step; each step is a transaction, so no half step stays.
    """
    _configure_django()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_NUMBER])
        with connection.transaction():
            make_roles(connection)
            connection.execute("CREATE SCHEMA IF NOT EXISTS portal")
        _run_chain(dsn)
        with connection.transaction():
            give_rights(connection)


def _configure_django() -> None:
    """Django keeps one set of settings a process: ours, unless the process is a portal that has its own."""
    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        settings.configure(INSTALLED_APPS=MANAGED_APPS, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
    if not apps.ready:  # settings may be there although nobody has set Django up
        django.setup()
    missing = set(MANAGED_APPS) - set(settings.INSTALLED_APPS)
    assert not missing, f"Django is set up without {missing}, so it cannot migrate from here"


def _run_chain(dsn: str) -> None:
    parts = conninfo_to_dict(dsn)
    login = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    database = {key: str(parts.pop(name, None) or "") for key, name in login.items()}
    # Django's own tables lie in the schema `portal`.
    options = {**parts, "options": f"{parts.get('options') or ''} -c search_path=portal,public".strip()}
    entry = {"ENGINE": "django.db.backends.postgresql", **database, "OPTIONS": options}
    connections.databases[_ALIAS] = connections.configure_settings({"default": entry})["default"]
    connection = connections[_ALIAS]
    try:
        executor = MigrationExecutor(connection)
        # A process with settings of its own may know further apps; their tables are not of this schema.
        labels = {name.rpartition(".")[2] for name in MANAGED_APPS}
        executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] in labels])
    finally:
        connection.close()
        del connections[_ALIAS]
        del connections.databases[_ALIAS]


if __name__ == "__main__":
    migrate(sys.argv[1])
