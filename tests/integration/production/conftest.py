"""The room of production over one database for the whole folder, emptied before each test: quicker than a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from production_bench import ProductionBench, TestBox
from psycopg.conninfo import make_conninfo


@pytest.fixture(scope="session")
def _room(_hasty_server: str) -> Iterator[ProductionBench]:
    administrator = make_conninfo(_hasty_server, dbname="postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("CREATE DATABASE production_room TEMPLATE tallystick STRATEGY file_copy")
    yield ProductionBench.of(make_conninfo(_hasty_server, dbname="production_room"))
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute("DROP DATABASE production_room WITH (FORCE)")


@pytest.fixture
def bench(_room: ProductionBench) -> ProductionBench:
    """The room with its persons and taxpayers, and nothing made yet."""
    _room.begin_anew()
    return _room


@pytest.fixture
def box(tmp_path: Path) -> TestBox:
    """Blanks in the test's folder."""
    return TestBox(folder=tmp_path / "box")
