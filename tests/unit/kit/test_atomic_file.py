"""The atomic file: old or new content after any failure, the flushes in their order."""

import os
import stat
from pathlib import Path

import pytest

from tallystick.kit.atomic_file import remove_durably, write_atomically


def test_content_and_mode_are_written(tmp_path: Path) -> None:
    target = tmp_path / "card.bin"
    write_atomically(target, b"one")
    write_atomically(target, b"two", mode=0o640)
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("broken", ["fsync", "fchmod"])
def test_a_failure_leaves_the_old_content_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    target = tmp_path / "card.bin"
    write_atomically(target, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_bytes_are_flushed_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, steps = tmp_path / "card.bin", list[str]()
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "bytes")
        real_sync(handle)

    def replace(self: Path, new: Path) -> Path:
        steps.append("rename")
        return real_replace(self, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    write_atomically(target, b"new")
    assert steps == ["bytes", "rename", "folder"]
    steps.clear()
    write_atomically(target, b"newer", durable=False)
    assert steps == ["rename"]
    remove_durably(target)
    assert steps == ["rename", "folder"]
    assert not target.exists()
