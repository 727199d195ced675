"""Paths and contents of a tiled transparency log (C2SP tlog-tiles): Merkle tiles of 256 hashes, bundles of entries.

A tile ``(level, index)`` holds the perfect nodes of height ``8 * level``; level ``ENTRIES`` stands for entry bundles.
A partial tile has a width of 1 to 255 and is named by it, a full one has 256.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence

import attrs

from tallystick.kernel.faults import Fault

TILE_WIDTH = 256
TILE_HEIGHT = 8
HASH_BYTES = 32
LEVEL_MAX = 63
INDEX_MAX = 2**63 - 1
ENTRIES = -1
CHECKPOINT_PATH = "checkpoint"

_PATH = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)
_LENGTH = struct.Struct(">H")


@attrs.frozen(slots=True, order=True)
class Tile:
    """One tile or bundle; ``level`` is 0 to 63 or ``ENTRIES``, ``width`` 1 to 256."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The resource's path below the log's prefix, for example ``tile/0/x001/x234/067.p/112``."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"

    @property
    def is_partial(self) -> bool:
        """Whether the tile stands at the right edge of its tree."""
        return self.width < TILE_WIDTH


def parse_tile_path(path: str) -> Tile:
    """Read a path; raises ``TS-1001`` for anything but the one spelling that a tile has."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise Fault("TS-1001", detail="not the path of a tile")
    level = ENTRIES if match[1] == "entries" else int(match[1])
    tile = Tile(level, int(match[2].replace("x", "").replace("/", "")), int(match[3] or TILE_WIDTH))
    if tile.index > INDEX_MAX or tile.width > TILE_WIDTH or tile.path != path:
        raise Fault("TS-1001", detail="not the path of a tile")
    return tile


def partial_width(level: int, size: int) -> int:
    """Width of the partial tile that a tree of ``size`` leaves has at ``level``; 0 when there is none."""
    return (size >> (TILE_HEIGHT * max(level, 0))) % TILE_WIDTH


def full_tiles(level: int, size: int) -> int:
    """Number of full tiles that a tree of ``size`` leaves has at ``level``."""
    return size >> (TILE_HEIGHT * (max(level, 0) + 1))


def tiles_between(old_size: int, new_size: int) -> Iterator[Tile]:
    """The tiles and bundles that a tree of ``new_size`` has and one of ``old_size`` had not, each level in order."""
    for level in range(ENTRIES, LEVEL_MAX + 1):
        if level > 0 and not new_size >> (TILE_HEIGHT * level):
            return
        for index in range(full_tiles(level, old_size), full_tiles(level, new_size)):
            yield Tile(level, index)
        width = partial_width(level, new_size)
        grown = full_tiles(level, old_size) < full_tiles(level, new_size) or partial_width(level, old_size) != width
        if width and grown:
            yield Tile(level, full_tiles(level, new_size), width)


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry behind its length (u16). Raises ``ValueError`` beyond 256 entries or 65,535 bytes."""
    if not 0 < len(entries) <= TILE_WIDTH or any(len(entry) > 0xFFFF for entry in entries):
        raise ValueError("an entry bundle holds 1 to 256 entries of at most 65,535 bytes")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def read_bundle(data: bytes) -> list[bytes]:
    """Split a bundle; raises ``TS-1220`` when it is cut, empty or too wide."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        if len(data) - position < _LENGTH.size or len(entries) == TILE_WIDTH:
            raise Fault("TS-1220", detail="not an entry bundle")
        (length,) = _LENGTH.unpack_from(data, position)
        position += _LENGTH.size + length
        if position > len(data):
            raise Fault("TS-1220", detail="an entry bundle that was cut")
        entries.append(data[position - length : position])
    if not entries:
        raise Fault("TS-1220", detail="an empty entry bundle")
    return entries


def read_hashes(data: bytes) -> list[bytes]:
    """Split a tile into its 1 to 256 hashes; raises ``TS-1220``."""
    if len(data) % HASH_BYTES or not 0 < len(data) <= TILE_WIDTH * HASH_BYTES:
        raise Fault("TS-1220", detail="not a tile of 1 to 256 hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
