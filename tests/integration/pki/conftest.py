"""One process of the PKI for all tests of this folder, over one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pki_live import Live, live_pki


@pytest.fixture(scope="session")
def live(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The running process."""
    with live_pki(_hasty_server, tmp_path_factory.mktemp("pki-live")) as running:
        yield running
