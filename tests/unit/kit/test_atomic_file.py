"""The atomic file: old or new content after any failure, the flushes in their order."""

import os
import secrets
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tallystick.kit.atomic_file import read_or_make, remove_durably, write_atomically
from tallystick.ops.key_store import _own_secret, pac_secret
from tallystick.ops.state_folder import StateFolder


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


def test_of_many_who_make_a_secret_at_once_all_read_one(tmp_path: Path) -> None:
    """Each looks, finds nothing, and makes its own before any of them has put it in place."""
    target, here = tmp_path / "secret", Barrier(8)

    def ask(number: int) -> bytes:
        def make() -> bytes:
            here.wait(10)
            return b"secret of %d" % number

        return read_or_make(target, make)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(8)))
    assert answers == {target.read_bytes()}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_secret_that_is_there_stays_and_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "secret"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            read_or_make(target, lambda: b"one")
    assert list(tmp_path.iterdir()) == []
    assert read_or_make(target, lambda: b"two") == b"two"
    assert read_or_make(target, lambda: b"three") == b"two"


@pytest.mark.parametrize("secret", [pac_secret, _own_secret])
def test_the_authority_s_secrets_are_made_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: Callable[[StateFolder], bytes]
) -> None:
    """Another process was first: its secret is the one."""
    state = StateFolder(tmp_path)
    state.keys.mkdir(parents=True)

    def late(size: int) -> bytes:
        made = read_or_make(state.keys / "pac-secret", lambda: b"first")
        read_or_make(state.keys / "key-store-secret", lambda: made)
        return b"s" * size

    monkeypatch.setattr(secrets, "token_bytes", late)
    assert secret(state) in (b"first", b"first".hex().encode())
