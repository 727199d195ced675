"""A device in the hand of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from esdc_bench import Bench, benches


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A new card in a new device, not configured, without PIN."""
    yield from benches(tmp_path)


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """The same, configured and unlocked."""
    bench.ready()
    return bench
