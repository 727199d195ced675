"""Fixtures of the national online channel's tests."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cards import Country, country
from ecr_bench import Door, open_door

from tallystick.crypto.pki import DemoPki


@pytest.fixture(scope="session")
def home() -> Country:
    return country()


@pytest.fixture(scope="session")
def pki(home: Country) -> DemoPki:
    home.pki.issue_tls(("localhost", "127.0.0.1"), datetime.now(UTC))
    return home.pki


@pytest.fixture(scope="module")
def _door(pki: DemoPki, home: Country) -> Iterator[Door]:
    with open_door(pki, home.folder) as door:
        yield door


@pytest.fixture
def door(_door: Door) -> Door:
    """The door with nothing taken yet; one listener for a file of tests."""
    _door.pipeline.taken.clear()
    _door.pipeline.heads.clear()
    _door.pipeline.before = lambda: None
    _door.checkpoints.brought.clear()
    return _door
