"""Fixtures of the national channels' tests."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from ledger_bench import LedgerFolder, lines
from psycopg.conninfo import make_conninfo


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    """A ledger of its own on the hasty server."""
    return LedgerFolder.make(tmp_path, database)


@pytest.fixture(scope="session")
def batch_ledger(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerFolder]:
    """One ledger for all tests of batches, in which the sweep finds nothing at the end."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE batches TEMPLATE tallystick STRATEGY file_copy")
        made = LedgerFolder.make(tmp_path_factory.mktemp("batches"), make_conninfo(_hasty_server, dbname="batches"))
        yield made
        findings = made.sweep()
        administrator.execute("DROP DATABASE batches WITH (FORCE)")
    assert not findings, "\n".join(lines(findings))
