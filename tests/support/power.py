"""A disk whose power can be cut at every write and flush, and every image that such a cut may leave behind."""

from __future__ import annotations

from collections.abc import Iterator

SECTOR_BYTES = 512


class PowerCut(Exception):
    """The power went away in the middle of an operation."""


class BrittleDisk:
    """Writes lie in a cache until a flush; the power goes before operation number `cut_at` (writes and flushes count).

    With `lies` a flush returns without making anything durable: the harness must find the loss.
    """

    def __init__(self, image: bytes, *, cut_at: int | None = None, lies: bool = False) -> None:
        self.platter = image
        self.pending: list[tuple[int, bytes]] = []
        self.operations = 0
        self._cut_at = cut_at
        self._lies = lies

    def _count(self) -> None:
        if self.operations == self._cut_at:
            raise PowerCut
        self.operations += 1

    def read(self) -> bytes:
        """What the programs see: the platter with the cache over it."""
        return apply(self.platter, self.pending)

    def write(self, offset: int, data: bytes) -> None:
        """Into the cache. A cut here may still have put a part of it on the platter."""
        if self.operations == self._cut_at:
            self.pending.append((offset, data))
        self._count()
        self.pending.append((offset, data))

    def sync(self) -> None:
        """Empty the cache onto the platter."""
        self._count()
        if not self._lies:
            self.platter, self.pending = self.read(), []

    def close(self) -> None:
        """Nothing to let go of."""

    def survivors(self) -> Iterator[bytes]:
        """Every kind of image after the cut: cache lost, written whole, torn at a byte, sectors in any order."""
        yield self.platter
        yield apply(self.platter, self.pending)
        for offset, data in self.pending:
            for length in sorted(
                {1, 3, 4, 11, 16, 17, len(data) // 2, len(data) - 33, len(data) - 1} & set(range(len(data)))
            ):
                yield apply(self.platter, [(offset, data[:length])])
            for start in range(0, len(data), SECTOR_BYTES):
                yield apply(self.platter, [(offset + start, data[start : start + SECTOR_BYTES])])
            yield apply(self.platter, [(offset, bytes(len(data)))])


def apply(image: bytes, writes: list[tuple[int, bytes]]) -> bytes:
    """An image after writes."""
    changed = bytearray(image)
    for offset, data in writes:
        changed[offset : offset + len(data)] = data
    return bytes(changed)
