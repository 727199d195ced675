"""Fixtures of the hosted signer's tests."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cards import rsa_key
from vsdc_bench import Hosted, HostedThread

from tallystick.crypto import sealed_keys
from tallystick.crypto.keys import KeyKind
from tallystick.ops import hosting


@pytest.fixture(autouse=True)
def shared_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is about making RSA keys: each test has other ones, and all tests have the same."""
    numbers = count()
    monkeypatch.setattr(hosting, "generate_rsa_key", lambda: rsa_key(next(numbers)))
    monkeypatch.setitem(sealed_keys._MAKERS, KeyKind.RSA, lambda: rsa_key(next(numbers)))


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
