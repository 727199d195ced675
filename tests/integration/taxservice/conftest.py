"""One database for all tests of the queue, emptied between them, and a tax service of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tax_bench import LiveService, TaxBench, live_service, tax_bench

NAME = "taxservice"


@pytest.fixture(scope="session")
def tax_database(_hasty_server: str) -> Iterator[str]:
    """A migrated database on the server of this test process."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {NAME} TEMPLATE tallystick STRATEGY file_copy")
        yield make_conninfo(_hasty_server, dbname=NAME)
        administrator.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def bench(tax_database: str) -> Iterator[TaxBench]:
    """An empty ledger and an empty queue."""
    with tax_bench(tax_database) as made:
        made.empty()
        yield made


@pytest.fixture
def service(tmp_path: Path, bench: TaxBench) -> Iterator[LiveService]:
    """The counterpart, which is well."""
    with live_service(tmp_path, bench.clock) as live:
        yield live
