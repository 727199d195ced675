"""A log's tiles over HTTP, for whoever trusts none of it: bounded, checked in shape, kept for one look."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import node_hash
from tallystick.kit.http_call import Away, Reply
from tallystick.wire.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, read_bundle, read_hashes

Get = Callable[[str, int], Reply]
"""Fetches an address, of at most so many bytes; raises ``Away``."""
TILE_BYTES_MAX = TILE_WIDTH * 32
BUNDLE_BYTES_MAX = TILE_WIDTH * (2 + 65_535)


class TileSource:
    """Tiles and bundles of one log at one prefix, of the tree of ``size`` entries."""

    def __init__(self, prefix: str, get: Get, size: int) -> None:
        self._prefix = prefix.rstrip("/")
        self._get = get
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def entries(self, index: int) -> list[bytes]:
        """The entries of bundle ``index``; raises ``Away`` and ``TS-1220``."""
        width = min(TILE_WIDTH, self._size - index * TILE_WIDTH)
        found = read_bundle(self._fetch(Tile(ENTRIES, index, width), BUNDLE_BYTES_MAX))
        return self._as_wide(found, width, "bundle", index)

    def hash_at(self, level: int, index: int) -> bytes:
        """The perfect node ``(level, index)``; raises ``Away`` and ``TS-1220``."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        hashes = self._tile(tile_level, first // TILE_WIDTH)
        nodes = hashes[first % TILE_WIDTH : first % TILE_WIDTH + (1 << height)]
        if len(nodes) != 1 << height:
            raise Fault("TS-1220", detail=f"no node {index} at level {level}")
        while len(nodes) > 1:
            nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
        return nodes[0]

    def _tile(self, level: int, index: int) -> list[bytes]:
        known = self._tiles.get((level, index))
        if known is None:
            width = min(TILE_WIDTH, (self._size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
            if width < 1:
                raise Fault("TS-1220", detail=f"no tile {index} at level {level}")
            known = read_hashes(self._fetch(Tile(level, index, width), TILE_BYTES_MAX))
            known = self._tiles[level, index] = self._as_wide(known, width, "tile", index)
        return known

    def _as_wide(self, found: list[bytes], width: int, what: str, index: int) -> list[bytes]:
        if len(found) < width:
            raise Fault("TS-1220", detail=f"{what} {index} has {len(found)} of {width}")
        return found[:width]

    def _fetch(self, tile: Tile, most: int) -> bytes:
        """The resource; where a partial one is gone, the full one that followed (C2SP tlog-tiles)."""
        reply = self._get(f"{self._prefix}/{tile.path}", most)
        if reply.status == 404 and tile.is_partial:
            reply = self._get(f"{self._prefix}/{Tile(tile.level, tile.index).path}", most)
        if reply.status != 200:
            raise Away(f"{tile.path}: HTTP {reply.status}")
        return reply.body
