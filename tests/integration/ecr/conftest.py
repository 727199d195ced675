"""Fixtures of the national online channel's tests."""

from collections.abc import Iterator

import cards
import pytest
from ecr_bench import Door, open_door
from ecr_country import EcrCountry, ecr_country

from tallystick.crypto.pki import DemoPki


@pytest.fixture(scope="session")
def home() -> cards.Country:
    return cards.serving_country()


@pytest.fixture(scope="session")
def pki(home: cards.Country) -> DemoPki:
    return home.pki


@pytest.fixture(scope="module")
def _door(pki: DemoPki, home: cards.Country) -> Iterator[Door]:
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


@pytest.fixture(scope="module")
def country(pki: DemoPki, _hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EcrCountry]:
    """Real doors over a real ledger, for a file of tests."""
    with ecr_country(pki, _hasty_server, tmp_path_factory.mktemp("doors")) as made:
        yield made
