"""Fixtures of the ERP channel's tests: one door, ledger and database for a file."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from cards import Country, country
from erp_bench import ErpBench, open_bench

from tallystick.crypto.pki import DemoPki


@pytest.fixture(scope="session")
def home() -> Country:
    return country()


@pytest.fixture(scope="session")
def pki(home: Country) -> DemoPki:
    home.pki.issue_tls(("localhost", "127.0.0.1"), datetime.now(UTC))
    return home.pki


@pytest.fixture(scope="module")
def bench(pki: DemoPki, _hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpBench]:
    with open_bench(pki, _hasty_server, tmp_path_factory.mktemp("erp")) as made:
        yield made
