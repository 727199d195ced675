"""The real disk: each flush reaches the system, for the file that it is for; a killed program loses nothing told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from worm_bench import NOW, UID, refused

from tallystick.device.worm import RecordKind, begin_memory, disk, open_memory
from tallystick.device.worm.disk import FolderDisk, FolderSource
from tallystick.wire.worm import segment_name

SELLS = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from tallystick.device.worm import RecordKind, open_memory
now = datetime.now(UTC)
memory = open_memory(Path(sys.argv[1]), "{UID}", now)
while True:
    if memory.state.seal_due:
        memory.seal(0, lambda text: text[:64], now)
    seq = memory.append(RecordKind.DOCUMENT, b"sale after %d" % memory.head.seq, now)
    sys.stdout.write(f"{{seq}}\\n")
    sys.stdout.flush()
"""


def test_a_record_is_flushed_by_the_system_and_so_is_the_name_of_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []

    def file(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    monkeypatch.setattr(disk, "_flush", file)
    monkeypatch.setattr(disk, "sync_folder", lambda folder: flushed.append(folder.name))
    begin_memory(tmp_path / "memory", UID)
    assert flushed == ["worm.counter", "memory"]
    flushed.clear()
    memory = open_memory(tmp_path / "memory", UID, NOW)
    assert flushed == [segment_name(1), "memory", "worm.counter"]
    memory.append(RecordKind.DOCUMENT, b"x", NOW)
    flushed.clear()
    memory.append(RecordKind.DOCUMENT, b"x", NOW)
    assert flushed == [segment_name(1)]
    memory.release()


def test_a_program_killed_while_it_sells_loses_nothing_that_it_told(tmp_path: Path) -> None:
    begin_memory(tmp_path / "memory", UID)
    command = [sys.executable, "-c", SELLS, str(tmp_path / "memory")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as seller:
        assert seller.stdout is not None
        told = [int(seller.stdout.readline()) for _ in range(120)]
        seller.send_signal(signal.SIGKILL)
        told += [int(line) for line in seller.stdout if line.endswith("\n")]
    memory = open_memory(tmp_path / "memory", UID, NOW)
    documents = {record.seq: record.data for record in memory.records() if record.kind is RecordKind.DOCUMENT}
    assert [documents[seq] for seq in told] == [b"sale after %d" % (seq - 1) for seq in told]
    memory.release()


def test_only_a_few_files_are_kept_open(tmp_path: Path) -> None:
    files = FolderDisk(tmp_path)
    for number in range(20):
        files.create(f"file-{number}")
        files.write(f"file-{number}", 0, b"%d" % number)
    assert len(files._open) <= 8
    files.write("file-0", 1, b"more")
    assert FolderSource(tmp_path).read("file-0", 0, 100) == b"0more"
    files.close()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with refused("TS-3200"):
        FolderDisk(tmp_path / "none")
    assert not os.path.lexists(tmp_path / "none")
