"""A store of ours is its owner's alone, with everything that SQLite lays beside it, from its first moment on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallystick.kit.sqlite_file import SqliteFile


@pytest.mark.parametrize("store", ["new", "kept"])
def test_nobody_else_can_read_store_log_or_index(tmp_path: Path, store: str) -> None:
    """The folder may be anybody's to look into, and the umask what it usually is."""
    before = os.umask(0o022)
    try:
        if store == "kept":
            SqliteFile(tmp_path / "a.db", "tallystick.device.ecr.remote").close()
        file = SqliteFile(tmp_path / "a.db", "tallystick.device.ecr.remote")
        with file.transaction():
            file.run("set_held", {"held": 1})
        modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
        file.close()
    finally:
        os.umask(before)
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
