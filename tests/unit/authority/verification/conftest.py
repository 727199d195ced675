"""A public listener for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_bench import MemoryLedger, PublicBench


@pytest.fixture
def bench(tmp_path: Path) -> PublicBench:
    """A listener in English over an empty ledger."""
    return PublicBench(MemoryLedger(tmp_path))
