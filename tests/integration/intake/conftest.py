"""Fixtures of the intake's integration tests."""

import pytest
from intake_bench import four_keys, reference_pack

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
