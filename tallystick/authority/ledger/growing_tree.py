"""The Merkle tree while it grows: its frontier, and the tiles at its right edge that are not full yet."""

from __future__ import annotations

import attrs

from tallystick.kernel.merkle import Frontier
from tallystick.wire.tiles import TILE_HEIGHT, TILE_WIDTH


@attrs.frozen(slots=True)
class FullTile:
    """A tile that will not change any more, and the node above it."""

    level: int
    index: int
    hashes: bytes
    root: bytes


@attrs.define(slots=True)
class GrowingTree:
    """``edge[level]`` are the hashes of the partial tile of that level."""

    frontier: Frontier = attrs.Factory(Frontier)
    edge: list[list[bytes]] = attrs.Factory(lambda: [[]])

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.frontier.size

    def copy(self) -> GrowingTree:
        """An independent tree, for trying a batch."""
        return GrowingTree(self.frontier.copy(), [hashes.copy() for hashes in self.edge])

    def append(self, leaf_hash: bytes) -> list[FullTile]:
        """Add a leaf hash; returns the tiles that it filled, lowest first."""
        index = self.frontier.size
        completed = self.frontier.append(leaf_hash)
        self.edge[0].append(leaf_hash)
        if len(completed) <= TILE_HEIGHT:
            return []
        filled = []
        for level, node in enumerate(completed[TILE_HEIGHT::TILE_HEIGHT]):
            hashes = self.edge[level]
            assert len(hashes) == TILE_WIDTH, "a tile is full exactly when the node above it is known"
            filled.append(FullTile(level, index >> (TILE_HEIGHT * (level + 1)), b"".join(hashes), node))
            self.edge[level] = []
            if level + 1 == len(self.edge):
                self.edge.append([])
            self.edge[level + 1].append(node)
        return filled
