"""Non-volatile memory of a card: two slots written in turn, so that a power cut at any byte leaves the old or the new.

A slot is `TSC1`, a sequence number, the length, the bytes, and SHA-256 over all before. The slots lie in different
4096-byte pages: a torn write can only spoil the one that is not yet valid. One flush a commit.
"""

from __future__ import annotations

import struct

from tallystick.device.applet.disk import Disk
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.hashing import HASH_BYTES, sha256

SLOT_BYTES = 4096
FILE_BYTES = 2 * SLOT_BYTES
_MARKER = b"TSC1"
_HEAD = struct.Struct(">4sQI")
MAX_CONTENT_BYTES = SLOT_BYTES - _HEAD.size - HASH_BYTES


class MemoryFailure(Exception):
    """The disk refused or failed to flush: whether the last commit holds is unknown until the memory is opened anew."""


def blank_image(content: bytes) -> bytes:
    """The bytes of a new memory file that holds `content`."""
    return _slot(0, content).ljust(SLOT_BYTES, b"\0") + bytes(SLOT_BYTES)


def newest_in(image: bytes) -> tuple[int, bytes]:
    """Sequence and content of the newest whole slot of a memory file; raises `CardUnavailable` when none is whole."""
    slots = [_read_slot(image[at : at + SLOT_BYTES]) for at in (0, SLOT_BYTES)]
    whole = [slot for slot in slots if slot is not None]
    if not whole:
        raise CardUnavailable("card memory is damaged: no slot is whole")
    return max(whole)


class Memory:
    """The newest content, and the way to replace it."""

    def __init__(self, disk: Disk) -> None:
        """Open and settle: what was read is written again and flushed before anybody builds on it.

        A commit whose flush failed may be readable and yet not durable. Raises `CardUnavailable` when no slot is whole.
        """
        self._disk = disk
        self._failed = False
        self._sequence, self._content = self._newest()
        self.commit(self._content)

    def _newest(self) -> tuple[int, bytes]:
        try:
            image = self._disk.read()
        except OSError as error:
            raise CardUnavailable(f"card memory cannot be read: {error}") from error
        return newest_in(image)

    @property
    def content(self) -> bytes:
        """What the last successful commit put there."""
        return self._content

    def commit(self, content: bytes) -> None:
        """Replace the content durably. Raises `MemoryFailure`; after one, every further commit does."""
        if self._failed:
            raise MemoryFailure("the memory failed before")
        sequence = self._sequence + 1
        try:
            self._disk.write(sequence % 2 * SLOT_BYTES, _slot(sequence, content))
            self._disk.sync()
        except OSError as error:
            self._failed = True
            raise MemoryFailure(str(error)) from error
        self._sequence, self._content = sequence, content

    def close(self) -> None:
        """Let go of the disk."""
        self._disk.close()


def _slot(sequence: int, content: bytes) -> bytes:
    if len(content) > MAX_CONTENT_BYTES:
        raise ValueError("the content does not fit a slot")
    body = _HEAD.pack(_MARKER, sequence, len(content)) + content
    return body + sha256(body)


def _read_slot(slot: bytes) -> tuple[int, bytes] | None:
    """Sequence and content of a whole slot, `None` for a blank, torn or foreign one."""
    if len(slot) < _HEAD.size + HASH_BYTES:
        return None
    marker, sequence, length = _HEAD.unpack_from(slot)
    end = _HEAD.size + length
    if marker != _MARKER or length > MAX_CONTENT_BYTES or slot[end : end + HASH_BYTES] != sha256(slot[:end]):
        return None
    return sequence, slot[_HEAD.size : end]
