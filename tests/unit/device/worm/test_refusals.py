"""What a fiscal memory refuses, and that nothing changes then: bounds, damage, other devices, failing disks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from worm_bench import NOW, UID, refused, sell, sign

from tallystick.device.worm import (
    Anchor,
    FileMemory,
    RecordKind,
    begin_memory,
    open_memory,
)
from tallystick.device.worm.disk import FolderDisk, FolderSource
from tallystick.device.worm.files import KEY_NAME
from tallystick.device.worm.tally import SALES
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import HEADER_BYTES, segment_name


def test_a_seal_does_not_name_a_lower_counter_of_the_card(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    sell(memory, 1)
    memory.seal(10, sign, NOW)
    memory.release()
    memory = open_memory(folder, UID, NOW)
    with refused("TS-3209"):
        memory.seal(9, sign, NOW)
    with refused("TS-3209"):
        memory.close_for_ever(b"closure", 9, sign, NOW)
    assert not memory.state.closed
    memory.seal(10, sign, NOW)
    memory.release()


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"x" * 65, b"x" * 71])
def test_a_signature_of_another_form_is_never_written(memory: FileMemory, signature: bytes) -> None:
    sell(memory, 1)
    with refused("TS-3208"):
        memory.seal(1, lambda _: signature, NOW)
    assert memory.head.seq == 1


@pytest.mark.parametrize("kind", sorted(set(RecordKind) - SALES))
def test_kinds_with_a_verb_of_their_own_are_not_appended(memory: FileMemory, kind: RecordKind) -> None:
    with refused("TS-3208"):
        memory.append(kind, b"x", NOW)


def test_bounds_of_a_record(memory: FileMemory) -> None:
    for data in (b"", b"x" * (LIMITS.worm_record_bytes + 1)):
        with refused("TS-3208"):
            memory.append(RecordKind.DOCUMENT, data, NOW)
    assert memory.append(RecordKind.DOCUMENT, b"x" * LIMITS.worm_record_bytes, NOW) == 1
    with refused("TS-3208"):
        memory.anchor(Anchor(seq=2, log_index=1, checkpoint=b"note"), NOW)
    for seq in (0, 2, -1):
        with refused("TS-3200"):
            memory.read(seq)


def test_a_memory_of_another_device_is_refused(folder: Path) -> None:
    with refused("TS-3204"):
        open_memory(folder, "WXYZ1234", NOW)


def test_a_memory_is_held_by_one_program(memory: FileMemory, folder: Path) -> None:
    with refused("TS-3205"):
        open_memory(folder, UID, NOW)
    with refused("TS-3205"):
        begin_memory(folder, UID)


def test_what_was_never_begun_is_not_there(tmp_path: Path, folder: Path) -> None:
    with refused("TS-3200"):
        open_memory(tmp_path / "nowhere", UID, NOW)
    (tmp_path / "empty").mkdir()
    with refused("TS-3200"):
        open_memory(tmp_path / "empty", UID, NOW)
    (folder / KEY_NAME).unlink()
    with refused("TS-3200"):
        open_memory(folder, UID, NOW)


def test_after_a_failed_flush_nothing_is_written_until_it_is_opened_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security 6.8: never retry an fsync."""
    memory = open_memory(folder, UID, NOW)
    memory.append(RecordKind.DOCUMENT, b"told", NOW)

    def fails(self: FolderDisk, name: str) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(FolderDisk, "flush", fails)
        with refused("TS-3206"):
            memory.append(RecordKind.DOCUMENT, b"not told", NOW)
    with refused("TS-3206"):
        memory.append(RecordKind.DOCUMENT, b"after", NOW)
    memory.release()
    memory = open_memory(folder, UID, NOW)
    with monkeypatch.context() as patched:
        patched.setattr(FolderDisk, "flush", fails)
        with refused("TS-3206"):
            memory.release()
    again = open_memory(folder, UID, NOW)
    assert next(again.records()).data == b"told"
    again.append(RecordKind.DOCUMENT, b"after", NOW)
    again.release()


def test_a_key_that_is_away_is_no_fault_of_the_medium(memory: FileMemory) -> None:
    def away(text: bytes) -> bytes:
        raise ConnectionError("no card")

    sell(memory, 1)
    with pytest.raises(ConnectionError):
        memory.seal(1, away, NOW)
    assert memory.seal(1, sign, NOW) == 2


def test_after_an_interruption_in_the_middle_of_a_record_it_is_opened_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: FolderDisk, name: str) -> None:
        raise KeyboardInterrupt

    memory = open_memory(folder, UID, NOW)
    with monkeypatch.context() as patched:
        patched.setattr(FolderDisk, "flush", interrupted)
        with pytest.raises(KeyboardInterrupt):
            memory.append(RecordKind.DOCUMENT, b"not told", NOW)
    with refused("TS-3206"):
        memory.append(RecordKind.DOCUMENT, b"after", NOW)
    memory.release()


@pytest.mark.parametrize("at", [5, 15, HEADER_BYTES + 30, HEADER_BYTES + 53 * 2 + 21, -33, -1])
def test_one_changed_byte_below_the_count_is_damage_and_is_never_cut(folder: Path, at: int) -> None:
    memory = open_memory(folder, UID, NOW)
    for _ in range(5):
        memory.append(RecordKind.DOCUMENT, b"x", NOW)
    memory.release()
    segment = folder / segment_name(1)
    changed = bytearray(segment.read_bytes())
    changed[at] ^= 1
    segment.write_bytes(changed)
    with pytest.raises(Fault) as caught:
        open_memory(folder, UID, NOW)
    assert caught.value.code in ("TS-3203", "TS-3204")
    assert segment.read_bytes() == bytes(changed)


def test_a_tail_that_was_counted_is_missed(folder: Path) -> None:
    memory = open_memory(folder, UID, NOW)
    sell(memory, 5)
    memory.release()
    segment = folder / segment_name(1)
    segment.write_bytes(segment.read_bytes()[: -(53 + 6)])
    with refused("TS-3203"):
        open_memory(folder, UID, NOW)


def test_ts_3206_what_cannot_be_read_is_told_and_may_be_read_later(
    folder: Path, memory: FileMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(memory, 3)

    def fails(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(FolderSource, "read", fails)
        with refused("TS-3206"):
            memory.read(2)
        with refused("TS-3206"):
            list(memory.records())
    assert memory.read(2).data == b"sale 1"
    sell(memory, 1)
