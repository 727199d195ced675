"""Fixtures of the national channels' tests."""

from pathlib import Path

import pytest
from ledger_bench import LedgerFolder


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> LedgerFolder:
    """A ledger of its own on the hasty server."""
    return LedgerFolder.make(tmp_path, database)
