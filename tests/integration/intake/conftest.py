"""Fixtures of the intake's integration tests."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from audit_live import AuditBench
from intake_bench import four_keys, reference_pack
from intake_live import live_intake

from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack

Test = Callable[[AuditBench], Awaitable[None]]


@pytest.fixture(scope="session")
def rsa_keys() -> list[PrivateKey]:
    """Four keys that all tests share: the authority's, two cards', a stranger's."""
    return four_keys()


@pytest.fixture(scope="session")
def pack() -> CountryPack:
    """The reference pack."""
    return reference_pack()


@pytest.fixture
def run_audit(database: str, tmp_path: Path, rsa_keys: list[PrivateKey], pack: CountryPack) -> Callable[[Test], None]:
    """Runs a test over a live intake."""

    def runner(test: Test) -> None:
        async def main() -> None:
            async with live_intake(database, tmp_path, rsa_keys, pack) as live:
                await test(AuditBench.over(live, tmp_path, rsa_keys))

        asyncio.run(main())

    return runner
