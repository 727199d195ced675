"""A device in the hand of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from esdc_bench import Bench, benches
from local_media import sell, tell


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A new card in a new device, not configured, without PIN."""
    yield from benches(tmp_path)


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """The same, configured and unlocked."""
    bench.ready()
    return bench


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """An empty medium."""
    folder = tmp_path / "usb"
    folder.mkdir()
    return folder


@pytest.fixture
def selling(tmp_path: Path) -> Iterator[Bench]:
    """A device that has told its first results, as one that was online once, with three unaudited invoices."""
    for bench in benches(tmp_path / "device"):
        bench.ready()
        tell(bench)
        sell(bench, 3)
        yield bench
