"""Fixtures of the ERP channel's tests: one door, ledger and database for a file."""

from collections.abc import Iterator

import pytest
from cards import Country, serving_country
from erp_bench import ErpBench, open_bench

from tallystick.crypto.pki import DemoPki


@pytest.fixture(scope="session")
def home() -> Country:
    return serving_country()


@pytest.fixture(scope="session")
def pki(home: Country) -> DemoPki:
    return home.pki


@pytest.fixture(scope="module")
def bench(pki: DemoPki, _hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpBench]:
    with open_bench(pki, _hasty_server, tmp_path_factory.mktemp("erp")) as made:
        yield made
