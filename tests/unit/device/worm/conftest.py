"""A fiscal memory in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from worm_bench import NOW, UID

from tallystick.device.worm import FileMemory, begin_memory, open_memory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A memory that was begun."""
    begin_memory(tmp_path / "memory", UID)
    return tmp_path / "memory"


@pytest.fixture
def memory(folder: Path) -> Iterator[FileMemory]:
    """It, opened."""
    opened = open_memory(folder, UID, NOW)
    yield opened
    opened.release()
