"""Reads perfect nodes of the tree from the stored tiles and leaves, for proofs of any size."""

from __future__ import annotations

from tallystick.authority.ledger.store import Connection
from tallystick.kernel.merkle import leaf_hash, node_hash
from tallystick.kit.named_sql import load_queries
from tallystick.wire.tiles import (
    ENTRIES,
    HASH_BYTES,
    LEVEL_MAX,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    full_tiles,
    write_bundle,
)

_SQL = load_queries("tallystick.authority.ledger")


class TreeReader:
    """Nodes of the tree of the first ``size`` entries. Keeps what it read, so make one for one proof or a few."""

    def __init__(self, connection: Connection, size: int, right_edge: bytes = b"") -> None:
        """``right_edge``: the tree's perfect nodes, largest first, for proofs, which their readers check.

        Without it every node is computed from tiles and leaves, as whoever checks the tree itself needs it.
        """
        self._connection = connection
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._edge = self._nodes(right_edge)

    def hash_at(self, level: int, index: int) -> bytes:
        """The perfect node ``(level, index)``; raises ``LookupError`` when rows of it lack."""
        if (known := self._edge.get((level, index))) is not None:
            return known
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        hashes = self.tile(tile_level, first // TILE_WIDTH)
        nodes = hashes[first % TILE_WIDTH : first % TILE_WIDTH + (1 << height)]
        if len(nodes) != 1 << height:
            raise LookupError(f"the tree of {self._size} entries has no node {index} at level {level}")
        while len(nodes) > 1:
            nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
        return nodes[0]

    def _nodes(self, right_edge: bytes) -> dict[tuple[int, int], bytes]:
        found, start = {}, 0
        for place in range(len(right_edge) // HASH_BYTES):
            level = (self._size - start).bit_length() - 1
            found[level, start >> level] = right_edge[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            start += 1 << level
        return found

    def fetch_way(self, index: int) -> None:
        """Read the full tiles between a leaf and the root with one question."""
        way = [(level, index >> (TILE_HEIGHT * (level + 1))) for level in range(LEVEL_MAX // TILE_HEIGHT + 1)]
        way = [(level, tile) for level, tile in way if tile < full_tiles(level, self._size)]
        parameters = {"levels": [level for level, _ in way], "indexes": [tile for _, tile in way]}
        for level, tile, hashes in self._connection.execute(_SQL["tiles_of"], parameters, prepare=True, binary=True):
            self._tiles[level, tile] = _split(hashes)

    def tile(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, full or partial."""
        hashes = self._tiles.get((level, index))
        if hashes is None:
            hashes = self._tiles[level, index] = self._read(level, index)
        return hashes

    def content(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle of this tree; raises ``LookupError`` when rows of it lack."""
        if tile.level != ENTRIES:
            return b"".join(self.tile(tile.level, tile.index)[: tile.width])
        first = tile.index * TILE_WIDTH
        span = {"start": first, "end": first + tile.width}
        leaves = [leaf for (leaf,) in self._connection.execute(_SQL["leaves_between"], span)]
        if len(leaves) != tile.width:
            raise LookupError(f"bundle {tile.index} has {len(leaves)} of {tile.width} entries")
        return write_bundle(leaves)

    def _read(self, level: int, index: int) -> list[bytes]:
        first = index * TILE_WIDTH
        if index < full_tiles(level, self._size):
            row = self._connection.execute(_SQL["tile_hashes"], {"level": level, "tile_index": index}).fetchone()
            if row is None:
                raise LookupError(f"tile {index} of level {level} lacks")
            return _split(row[0])
        span = {"start": first, "end": self._size >> (TILE_HEIGHT * level)}
        if level == 0:
            return [leaf_hash(leaf) for (leaf,) in self._connection.execute(_SQL["leaves_between"], span)]
        return [r for (r,) in self._connection.execute(_SQL["tile_roots_between"], span | {"level": level - 1})]


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
