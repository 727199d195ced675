"""Fixtures of the hosted signer's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vsdc_bench import Hosted, HostedThread


@pytest.fixture
def start(database: str, tmp_path: Path) -> Iterator[Callable[..., Hosted]]:
    """``start()`` gives a running hosted signer with one signing element; keyword arguments replace services."""
    running: list[HostedThread] = []

    def run(*, signers: int = 1, **changes: Any) -> Hosted:
        thread = HostedThread(database, tmp_path, **changes)
        hosted = thread.start()
        running.append(thread)
        for _ in range(signers):
            hosted.add_signer()
        return hosted

    yield run
    for thread in running:
        thread.stop()


@pytest.fixture
def hosted(start: Callable[..., Hosted]) -> Hosted:
    """A running hosted signer with one signing element."""
    return start()
