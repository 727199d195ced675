"""The open end of a memory's segments: where the next record goes, and in which order what is made durable."""

from __future__ import annotations

import attrs

from tallystick.device.worm.disk import Disk
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import HEADER_BYTES, LENGTH_BYTES, SegmentHeader, segment_name, write_header


@attrs.frozen(slots=True, kw_only=True)
class Layout:
    """How files grow: where a segment ends, and how much of it is filled with zeros at a time before records come.

    Writing into a file that has its length already needs no change of the folder's records, which halves the time of a
    flush. The rest of a segment up to the bound of its size is room for the record of a cut.
    """

    segment_bytes: int = LIMITS.worm_segment_bytes - 4 * 1024
    step_bytes: int = 1024 * 1024


LAYOUT = Layout()


class SegmentWriter:
    """Writes the last segment and begins new ones. A method that raised ``OSError`` leaves it unusable."""

    def __init__(self, disk: Disk, layout: Layout, headers: list[SegmentHeader], position: int) -> None:
        self._disk = disk
        self._layout = layout
        self._number = len(headers)
        self._position = self._allocated = position
        self._sizes = sum(disk.size(segment_name(header.number)) for header in headers[:-1])

    @property
    def number(self) -> int:
        """The segment that is written."""
        return self._number

    @property
    def position(self) -> int:
        """Where the next record goes in it."""
        return self._position

    @property
    def data_bytes(self) -> int:
        """Bytes of all segments, without the room that is prepared."""
        return self._sizes + self._position

    def has_room(self, length: int) -> bool:
        """Whether the record still belongs into this segment; the first one of a segment always does."""
        return self._position + length <= self._layout.segment_bytes or self._position == HEADER_BYTES

    def append(self, raw: bytes) -> None:
        """Write a record behind the last one and flush it."""
        name = segment_name(self._number)
        if self._position + len(raw) > self._allocated:
            self._allocate(len(raw))
        self._disk.write(name, self._position, raw)
        self._disk.flush(name)
        self._position += len(raw)

    def replace_tail(self, raw: bytes) -> None:
        """Put the record of a cut over torn bytes, and take away what is left of them.

        All but its length is durable first: a second power cut finds torn bytes at any moment, or the record.
        """
        name = segment_name(self._number)
        self._disk.write(name, self._position + LENGTH_BYTES, raw[LENGTH_BYTES:])
        self._disk.flush(name)
        self._disk.write(name, self._position, raw)
        self._position += len(raw)
        self.trim()

    def trim(self) -> None:
        """End the file where the last record ends."""
        name = segment_name(self._number)
        self._disk.truncate(name, self._position)
        self._disk.flush(name)
        self._allocated = self._position

    def start(self, header: SegmentHeader) -> None:
        """A new segment, or one that was torn at its birth; its header and its name are durable before a record is."""
        name = segment_name(header.number)
        if name not in self._disk.names():
            self._disk.create(name)
        self._disk.write(name, 0, write_header(header))
        self._disk.flush(name)
        self._disk.flush_folder()
        if header.number > 1:
            self._sizes += self._position
        self._number = header.number
        self._position = self._allocated = HEADER_BYTES

    def _allocate(self, length: int) -> None:
        """Fill the file with zeros for the next records; zeros behind the last record are no record."""
        end = min(self._position + max(length, self._layout.step_bytes), LIMITS.worm_segment_bytes)
        name = segment_name(self._number)
        self._disk.write(name, self._position, bytes(end - self._position))
        self._disk.flush(name)
        self._allocated = end
