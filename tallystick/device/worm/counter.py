"""The monotonic counter of the file form, in a file of its own beside the segments.

Order: the record is written and flushed, then the counter, which is not flushed; then the record is acknowledged. So
the file never counts a record that a power cut can take away, and costs no second flush. What is read at the start is
the higher of the counter's file and the records themselves: a power cut that loses the last count loses nothing, since
the records that it counted are durable and count themselves. A count above the last record, or with another link than
that record has, means that records were taken away or written anew: the memory is damaged.

The file has three slots of one sector: two that are flushed in turn, at each seal and each new segment, so that one of
them is always whole, and one that is written at each record and may be torn.
"""

from __future__ import annotations

import re
import struct

import attrs

from tallystick.device.worm.disk import Disk, Source
from tallystick.device.worm.port import Capacity
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import HASH_BYTES, worm_counter_check

COUNTER_NAME = "worm.counter"
_MAGIC = b"TSWC"
_SECTOR_BYTES = 512
_FLUSHED_SLOTS = 2
_LAZY_SLOT = 2
FILE_BYTES = (_LAZY_SLOT + 1) * _SECTOR_BYTES
_FIELDS = struct.Struct(f">4s8sQQQ{HASH_BYTES}s")
_SLOT_BYTES = _FIELDS.size + HASH_BYTES
_UID = re.compile(rb"[A-Z0-9]{8}")


@attrs.frozen(slots=True, kw_only=True)
class Count:
    """What a slot says: records counted, the link of the last of them, and the size that the memory was made with."""

    uid: str
    capacity: Capacity
    counter: int
    link: bytes


def read_count(source: Source) -> Count | None:
    """The highest count of the file; none when there is no file, or when it was torn at its own birth."""
    if COUNTER_NAME not in source.names():
        return None
    data = source.read(COUNTER_NAME, 0, FILE_BYTES)
    slots = [_read_slot(data[at * _SECTOR_BYTES :][:_SLOT_BYTES]) for at in range(_LAZY_SLOT + 1)]
    if not any(slots[:_FLUSHED_SLOTS]):
        return None
    whole = [slot for slot in slots if slot is not None]
    if len({(slot.uid, slot.capacity) for slot in whole}) != 1:
        raise Fault("TS-3203", detail="the counter's slots are of different memories")
    return max(whole, key=lambda slot: slot.counter)


class CounterFile:
    """The counter of an open memory."""

    def __init__(self, disk: Disk, count: Count) -> None:
        self._disk = disk
        self._count = count
        self._turn = 0

    @property
    def capacity(self) -> Capacity:
        """What the memory was made for."""
        return self._count.capacity

    @property
    def counter(self) -> int:
        """Records counted."""
        return self._count.counter

    def begin(self) -> None:
        """Write the file durably, before there is any segment."""
        if COUNTER_NAME not in self._disk.names():
            self._disk.create(COUNTER_NAME)
        first = _write_slot(self._count).ljust(_SECTOR_BYTES, b"\0")
        self._disk.write(COUNTER_NAME, 0, first.ljust(FILE_BYTES, b"\0"))
        self._disk.flush(COUNTER_NAME)
        self._disk.flush_folder()
        self._turn = 1

    def raise_to(self, counter: int, link: bytes) -> None:
        """Count a record that is durable already; raises ``TS-3203`` rather than go back."""
        if counter < self._count.counter:
            raise Fault("TS-3203", detail="the counter would go back")
        self._count = attrs.evolve(self._count, counter=counter, link=link)
        self._disk.write(COUNTER_NAME, _LAZY_SLOT * _SECTOR_BYTES, _write_slot(self._count))

    def flush(self) -> None:
        """Make the count durable in the flushed slot whose turn it is."""
        self._disk.write(COUNTER_NAME, self._turn * _SECTOR_BYTES, _write_slot(self._count))
        self._disk.flush(COUNTER_NAME)
        self._turn = (self._turn + 1) % _FLUSHED_SLOTS

    @classmethod
    def opened(cls, disk: Disk, count: Count) -> CounterFile:
        """Go on with what was read; the flushed slot with the lower count is the next to be written."""
        file = cls(disk, count)
        data = disk.read(COUNTER_NAME, 0, FILE_BYTES)
        first, second = (_read_slot(data[at * _SECTOR_BYTES :][:_SLOT_BYTES]) for at in range(_FLUSHED_SLOTS))
        file._turn = 0 if first is None or (second is not None and first.counter <= second.counter) else 1
        return file


def _write_slot(count: Count) -> bytes:
    fields = _FIELDS.pack(
        _MAGIC, count.uid.encode("ascii"), count.capacity.records, count.capacity.data_bytes, count.counter, count.link
    )
    return fields + worm_counter_check(fields)


def _read_slot(data: bytes) -> Count | None:
    if len(data) != _SLOT_BYTES or data[_FIELDS.size :] != worm_counter_check(data[: _FIELDS.size]):
        return None
    magic, uid, records, data_bytes, counter, link = _FIELDS.unpack_from(data)
    if magic != _MAGIC or _UID.fullmatch(uid) is None:
        return None
    capacity = Capacity(records=records, data_bytes=data_bytes)
    return Count(uid=uid.decode("ascii"), capacity=capacity, counter=counter, link=link)
