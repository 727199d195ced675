"""One country with backups for all tests here, and copies of its backups to be damaged."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_house import House, make_house

from tallystick.ops.backup.places import BackupFolder


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Made once: a base backup, the log of what was booked behind it, and documents that only the mirror has."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-backup-"))
    folder.chmod(0o755)
    try:
        yield make_house(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy(house: House, tmp_path: Path) -> BackupFolder:
    """A copy of the backups that a test may damage."""
    shutil.copytree(house.backups.root, tmp_path / "copy")
    return BackupFolder(tmp_path / "copy")
