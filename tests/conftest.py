"""Fixtures that every folder of tests shares: databases that cost milliseconds, on servers that nobody set up."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo

from tallystick.ops.postgres import EmbeddedPostgres

# No deadline an example: a busy machine is no finding. A failure prints the line that repeats it.
# The same examples each time, so that a red test speaks of the change; `make explore` looks for new ones.
settings.register_profile("tallystick", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("tallystick")

_numbers = itertools.count(1)
_FOLDERS = "tallystick-test-"
_LEFT_BEHIND_SECONDS = 86_400
_MEMORY = Path("/dev/shm")
_ROOM_IN_MEMORY = 4 * 2**30


def _place_without_a_disk() -> str | None:
    """Where a copy of a database costs a tenth of what its thousand files cost on a disk; None is the usual place."""
    try:
        place = os.statvfs(_MEMORY)
    except OSError:
        return None
    roomy = place.f_bavail * place.f_frsize >= _ROOM_IN_MEMORY
    return str(_MEMORY) if roomy and os.access(_MEMORY, os.W_OK | os.X_OK) else None


@contextmanager
def _folder(place: str | None) -> Iterator[Path]:
    """Beside pytest's own folder, whose mode 0700 would keep the server's account out when root runs the tests.

    Takes along what test runs that were killed left there a day ago and longer.
    """
    where = Path(place or tempfile.gettempdir())
    for left in where.glob(f"{_FOLDERS}*"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDERS, dir=where))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _migrated_server(*, durable: bool) -> Iterator[str]:
    """A server of this test process (so xdist workers share nothing), with the newest schema in its database.

    Migrating in a child keeps Django's settings of this process free for the portals' tests. Programs may not run from
    where memory is a disk, so copies of the server's binaries lie elsewhere.
    """
    with ExitStack() as stack:
        copies = stack.enter_context(_folder(None)) / "binaries"
        home = stack.enter_context(_folder(None if durable else _place_without_a_disk()))
        dsn = stack.enter_context(EmbeddedPostgres(home, durable=durable, copies=copies)).owner_dsn
        subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=60)
        yield dsn


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
