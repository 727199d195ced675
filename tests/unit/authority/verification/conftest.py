"""A public listener for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from national_page import NationalPage
from public_bench import MemoryLedger, PublicBench

from tallystick.crypto.national_oids import DeviceClass


@pytest.fixture
def bench(tmp_path: Path) -> PublicBench:
    """A listener in English over an empty ledger."""
    return PublicBench(MemoryLedger(tmp_path))


@pytest.fixture
def page(bench: PublicBench) -> NationalPage:
    """An online register with an open shift."""
    return NationalPage(bench)


@pytest.fixture
def offline(bench: PublicBench) -> NationalPage:
    """A register with write-once memory."""
    return NationalPage(bench, DeviceClass.HARDWARE)
