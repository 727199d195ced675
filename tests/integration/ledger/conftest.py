"""Fixtures of the ledger's integration tests."""

from pathlib import Path

import pytest
from ledger_bench import LedgerFolder


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    """A ledger of its own on the hasty server."""
    return LedgerFolder.make(tmp_path, database)


@pytest.fixture
def durable_ledger(durable_database: str, tmp_path: Path) -> LedgerFolder:
    """A ledger of its own on a server with production settings."""
    return LedgerFolder.make(tmp_path, durable_database)
