"""Fixtures that every folder of tests shares: databases that cost milliseconds, on servers that nobody set up."""

import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo

from tallystick.ops.postgres import EmbeddedPostgres

# No deadline an example: a busy machine is no finding. A failure prints the line that repeats it.
settings.register_profile("tallystick", deadline=None, print_blob=True)
settings.load_profile("tallystick")

_numbers = itertools.count(1)


@contextmanager
def _migrated_server(*, durable: bool) -> Iterator[str]:
    """A server of this test process (so xdist workers share nothing), with the newest schema in its database.

    It lies beside pytest's own folder, whose mode 0700 would keep the server's account out when root runs the tests.
    Migrating in a child keeps Django's settings of this process free for the portals' tests.
    """
    folder = Path(tempfile.mkdtemp(prefix="tallystick-test-"))
    try:
        with EmbeddedPostgres(folder, durable=durable) as server:
            dsn = server.owner_dsn
            subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=60)
            yield dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _fresh_database(template_dsn: str) -> Iterator[str]:
    """A copy of the migrated database, dropped afterwards with whatever is still connected to it."""
    name = f"test_{next(_numbers)}"
    administrator = make_conninfo(template_dsn, dbname="postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE tallystick STRATEGY file_copy")
    try:
        yield make_conninfo(template_dsn, dbname=name)
    finally:
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _hasty_server() -> Iterator[str]:
    with _migrated_server(durable=False) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def _durable_server() -> Iterator[str]:
    with _migrated_server(durable=True) as dsn:
        yield dsn


@pytest.fixture
def database(_hasty_server: str) -> Iterator[str]:
    """Connection string (owner role) of a fresh, migrated database on a server that does not flush."""
    with _fresh_database(_hasty_server) as dsn:
        yield dsn


@pytest.fixture
def durable_database(_durable_server: str) -> Iterator[str]:
    """The same on a server with production settings, for tests that speak about durability."""
    with _fresh_database(_durable_server) as dsn:
        yield dsn


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """An open connection (owner role) to the test's own database."""
    with psycopg.connect(database) as opened:
        yield opened


@pytest.fixture
def make_database(_hasty_server: str) -> Iterator[Callable[[], str]]:
    """For tests that need more than one database: each call gives the connection string of another fresh one."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(_fresh_database(_hasty_server))
