"""A pcscd for each test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pcsc_bench import Pcsc, pcsc


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Pcsc]:
    """Running, with an empty reader."""
    with pcsc(tmp_path / "pcsc") as running:
        yield running
