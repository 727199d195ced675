"""The card's memory: old or new after every kind of power cut, one holder, one flush a commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cards import NOW, UID, country, new_card, ready, sale
from power import BrittleDisk, PowerCut

from tallystick.device.applet import CardIdentity, VirtualCard
from tallystick.device.applet.disk import FileDisk
from tallystick.device.applet.identity import KEYS_FILE, STATE_FILE
from tallystick.device.applet.memory import FILE_BYTES, MAX_CONTENT_BYTES, Memory, MemoryFailure, blank_image
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element import CardInUse, CardUnavailable
from tallystick.wire.apdu import StatusWord

OLD, NEW = b"old" * 400, b"new" * 300


def test_a_commit_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(blank_image(b"first"))
    for content in (b"second", b"", b"x" * MAX_CONTENT_BYTES, b"last"):
        memory = Memory(FileDisk(path))
        memory.commit(content)
        memory.close()
        again = Memory(FileDisk(path))
        assert again.content == content
        again.close()
    assert path.stat().st_size == FILE_BYTES
    with pytest.raises(ValueError):
        blank_image(b"x" * (MAX_CONTENT_BYTES + 1))


def after_cut(cut_at: int, *, lies: bool = False) -> tuple[bool, set[bytes]]:
    """Commit NEW over OLD with the power going at an operation: whether it was confirmed, and what may be found."""
    disk = BrittleDisk(blank_image(OLD), cut_at=cut_at, lies=lies)
    confirmed = False
    try:
        Memory(disk).commit(NEW)
        confirmed = True
    except PowerCut:
        pass
    found = set()
    for image in disk.survivors():
        try:
            found.add(Memory(BrittleDisk(image)).content)
        except CardUnavailable:
            found.add(b"damaged")
    return confirmed, found


def test_a_cut_at_any_operation_leaves_the_old_or_the_new() -> None:
    """Torn, lost and reordered writes: never anything else, and the new once it was confirmed."""
    seen: set[bytes] = set()
    for cut_at in range(4):
        confirmed, found = after_cut(cut_at)
        assert not confirmed
        assert found <= {OLD, NEW}
        seen |= found
    assert seen == {OLD, NEW}
    assert after_cut(4) == (True, {NEW})


def test_the_harness_finds_a_disk_that_lies() -> None:
    """Switch-off: without the flush a confirmed commit can be lost, and the same harness says so."""
    confirmed, found = after_cut(4, lies=True)
    assert confirmed
    assert OLD in found


def test_every_byte_of_a_torn_write_is_seen() -> None:
    """Cut inside the write at each byte: the half-written slot never counts."""
    disk = BrittleDisk(blank_image(OLD))
    memory = Memory(disk)
    before = disk.platter
    memory.commit(NEW)
    after = disk.platter
    for length in range(0, 1_000, 7):
        start = next(at for at in range(FILE_BYTES) if before[at] != after[at])
        torn = after[: start + length] + before[start + length :]
        assert Memory(BrittleDisk(torn)).content in (OLD, NEW)


def test_one_flush_a_commit() -> None:
    disk = BrittleDisk(blank_image(OLD))
    memory = Memory(disk)
    started = disk.operations
    memory.commit(NEW)
    assert disk.operations - started == 2, "one write and one flush"


def test_what_was_read_is_made_durable_before_it_counts() -> None:
    """A commit whose flush failed may be readable and yet be lost later: opening writes it again."""
    disk = BrittleDisk(blank_image(OLD), cut_at=3)
    with pytest.raises(PowerCut):
        Memory(disk).commit(NEW)
    disk._cut_at = None
    assert Memory(disk).content == NEW, "the cache still shows it"
    assert Memory(BrittleDisk(disk.platter)).content == NEW, "and now the platter, too"


def test_a_failing_disk_makes_the_card_mute_until_it_is_opened_anew(tmp_path: Path) -> None:
    """Fault points 16 and 17: an error of write or flush is 6581, then no answer at all, then the old or the new."""

    class Failing(BrittleDisk):
        broken = False

        def sync(self) -> None:
            if self.broken:
                raise OSError("input/output error")
            super().sync()

    folder = new_card(tmp_path)
    disk = Failing((folder / STATE_FILE).read_bytes())
    card = VirtualCard.open(folder, disk=disk)
    session = ready(card)
    session.sign_invoice(sale(1))
    disk.broken = True
    data = sale(2).encode()
    apdu = b"\x88\x13\x04\x00" + bytes((len(data),)) + data + b"\0"
    assert int.from_bytes(card.transmit(apdu), "big") == StatusWord.MEMORY_FAILURE
    with pytest.raises(CardUnavailable):
        card.transmit(apdu)
    for image in disk.survivors():
        assert CardState.decode(Memory(BrittleDisk(image)).content).total_counter in (1, 2)


def test_after_a_failure_the_memory_takes_nothing_more() -> None:
    """Whether the failed commit holds is unknown: nothing may be built on it, even on a disk that mended."""

    class Once(BrittleDisk):
        broken = True

        def sync(self) -> None:
            if self.operations > 1 and self.broken:
                self.broken = False
                raise OSError("input/output error")
            super().sync()

    memory = Memory(Once(blank_image(OLD)))
    for _ in range(2):
        with pytest.raises(MemoryFailure):
            memory.commit(NEW)
    assert memory.content == OLD


def test_a_full_disk_at_the_write_leaves_the_old(tmp_path: Path) -> None:
    class Full(BrittleDisk):
        full = False

        def write(self, offset: int, data: bytes) -> None:
            if self.full:
                raise OSError(28, "no space left on device")
            super().write(offset, data)

    disk = Full(blank_image(OLD))
    memory = Memory(disk)
    disk.full = True
    with pytest.raises(MemoryFailure):
        memory.commit(NEW)
    assert memory.content == OLD
    assert Memory(BrittleDisk(disk.platter)).content == OLD


@pytest.mark.parametrize(
    "image", [b"", b"x" * 100, bytes(FILE_BYTES), b"TSC1" + bytes(FILE_BYTES), b"\xff" * FILE_BYTES]
)
def test_a_damaged_memory_is_no_card(tmp_path: Path, image: bytes) -> None:
    folder = new_card(tmp_path)
    (folder / STATE_FILE).write_bytes(image)
    for _ in range(2):
        with pytest.raises(CardUnavailable):
            VirtualCard.open(folder)


def test_content_of_another_format_is_no_card(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    (folder / STATE_FILE).write_bytes(blank_image(b"\x93\1\2\3"))
    with pytest.raises(CardUnavailable):
        VirtualCard.open(folder)


def test_a_card_has_one_holder(tmp_path: Path) -> None:
    """Two programs on one card would count twice; the lock goes with its holder, even when it is killed."""
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    with pytest.raises(CardInUse):
        VirtualCard.open(folder)
    script = (
        "import sys\nfrom pathlib import Path\nfrom tallystick.device.applet import VirtualCard\n"
        "try:\n    VirtualCard.open(Path(sys.argv[1]))\nexcept Exception as e:\n    print(type(e).__name__)\n"
        "else:\n    print('open', flush=True)\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    asked = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert asked.stdout.strip() == "CardInUse"
    card.power_off()
    asked = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert asked.stdout.strip() == "open"
    VirtualCard.open(folder).power_off()


def test_keys_that_others_may_read_or_that_are_damaged_are_no_card(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    good = (folder / KEYS_FILE).read_bytes()
    (folder / KEYS_FILE).chmod(0o644)
    with pytest.raises(CardUnavailable):
        VirtualCard.open(folder)
    (folder / KEYS_FILE).chmod(0o600)
    key_at = good.index(CardIdentity.load(folder).signing_key) + 1_000
    for damaged in (b"", good[:-5], flipped(good, key_at), flipped(good, 0), flipped(good, len(good) - 1)):
        (folder / KEYS_FILE).write_bytes(damaged)
        with pytest.raises(CardUnavailable):
            VirtualCard.open(folder)
    msgspec.structs.replace(CardIdentity.load(made_again(folder, good)), format=7).store(folder)
    with pytest.raises(CardUnavailable):
        VirtualCard.open(folder)
    VirtualCard.open(made_again(folder, good)).power_off()


def made_again(folder: Path, keys: bytes) -> Path:
    (folder / KEYS_FILE).write_bytes(keys)
    return folder


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_a_certificate_of_another_key_fails_the_self_test(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    identity = CardIdentity.load(folder)
    other = country().pki.private_key("poa")
    der = country().pki.issue_secure_element(country().subject(UID), other.public.spki, at=NOW)
    msgspec.structs.replace(identity, certificate=der).store(folder)
    with pytest.raises(CardUnavailable):
        VirtualCard.open(folder)
