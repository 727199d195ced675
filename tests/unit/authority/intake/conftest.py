"""Fixtures of the intake's tests."""

import pytest
from intake_bench import Bench, four_keys, make_bench, reference_pack

from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack


@pytest.fixture(scope="session")
def rsa_keys() -> list[PrivateKey]:
    """Four keys that all tests share: the authority's, two cards', a stranger's."""
    return four_keys()


@pytest.fixture(scope="session")
def pack() -> CountryPack:
    """The reference pack."""
    return reference_pack()


@pytest.fixture
def bench(rsa_keys: list[PrivateKey], pack: CountryPack) -> Bench:
    """The usual one; the budget is off, so that a test may fail as often as it wants."""
    return make_bench(rsa_keys, pack, enabled=False)
