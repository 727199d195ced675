"""The self-check's tree: grown again from the leaves, and compared with tiles, tree states and signed heads."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from tallystick.authority.ledger.findings import Finding, FindingCode, Shows, finding
from tallystick.authority.ledger.growing_tree import FullTile, GrowingTree
from tallystick.authority.ledger.sweep_rows import Connection, Snapshot, read_heads_between, read_tiles
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.signed_note import Check, NoteKey, parse_checkpoint, parse_note, verify_note
from tallystick.wire.tiles import TILE_HEIGHT

Report = Callable[[Finding], None]


@attrs.define
class TreeCheck:
    """``tree`` is the tree before the first leaf to come; ``ended`` once a leaf was lost for good."""

    connection: Connection
    snapshot: Snapshot
    report: Report
    tree: GrowingTree
    keys: tuple[NoteKey, ...] = ()
    check: Check | None = None
    ended: bool = False
    _filled: list[FullTile] = attrs.Factory(list)
    _states: dict[int, tuple[int, bytes]] = attrs.Factory(dict)
    _notes: dict[int, bytes] = attrs.Factory(dict)
    _batch: int | None = None
    _noted: int = 0

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self.tree.size

    def open_span(self, first: int, last: int) -> None:
        """Read what the tables say of the trees of sizes ``first + 1`` to ``last``."""
        self._states, self._notes = read_heads_between(self.connection, first, last)

    def grow(self, leaf: bytes | None) -> None:
        """Add the next leaf; None where it is lost, and with it every root to come."""
        if leaf is None or self.ended:
            self.ended = True
            return
        self._filled += self.tree.append(leaf_hash(leaf))
        self._heads(self.size)

    def close_span(self) -> None:
        """Compare the tiles that became full."""
        self._tiles(self._filled)
        self._filled = []

    def _heads(self, size: int) -> None:
        state, note, place = self._states.get(size), self._notes.get(size), f"tree of {size}"
        if state is None and note is None:
            return
        if note is not None:
            self._noted = size
        root = self.tree.frontier.root()
        signed = self._signed_root(note, place) if note is not None else None
        if note is not None and signed != root:
            detail = "the signed root is not that of the leaves"
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, place, detail, Shows.CHECKPOINT, Shows.LOG))
        if state is None:
            detail = "a head was signed for a batch that tree_state does not know"
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.CHECKPOINT, Shows.LOG))
            return
        if state[1] != root:
            shows = (Shows.LOG, Shows.CHECKPOINT) if signed == root else (Shows.LOG,)
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, "another root than the leaves have", *shows))
        if self._batch is not None and state[0] != self._batch + 1:
            detail = f"batch {state[0]} follows batch {self._batch}"
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.LOG))
        if note is None and size < self.snapshot.tree.size:
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, place, "the batch has no signed head", Shows.LOG))
        self._batch = state[0]

    def _signed_root(self, note: bytes, place: str) -> bytes | None:
        """The root of a checkpoint whose signature holds; None for any other."""
        try:
            parsed = parse_note(note)
            if self.check is not None:
                verify_note(parsed, self.keys, self.check)
            return parse_checkpoint(parsed.text).root
        except Fault as fault:
            detail = f"no checkpoint of this log: {fault.detail}"
            self.report(finding(FindingCode.CHECKPOINT_UNSIGNED, place, detail, Shows.CHECKPOINT, Shows.LOG))
            return None

    def _tiles(self, tiles: list[FullTile]) -> None:
        by_level: dict[int, list[FullTile]] = {}
        for tile in tiles:
            by_level.setdefault(tile.level, []).append(tile)
        for level, filled in by_level.items():
            stored = read_tiles(self.connection, level, filled[0].index, filled[-1].index + 1)
            for tile in filled:
                if stored.get(tile.index) != (tile.hashes, tile.root):
                    place = f"tile {tile.level}/{tile.index}"
                    detail = "another content than the leaves give" if tile.index in stored else "the tile lacks"
                    above = (tile.index + 1) << (TILE_HEIGHT * (tile.level + 1))
                    shows = (Shows.LOG, Shows.CHECKPOINT) if above <= self.snapshot.checkpoint_size else (Shows.LOG,)
                    self.report(finding(FindingCode.TILE_DIFFERS, place, detail, *shows))

    def mirrored_head(self, note: bytes) -> None:
        """Compare a head that the mirror holds with the tree as walked so far."""
        try:
            head = parse_checkpoint(parse_note(note).text)
        except Fault as fault:
            self.report(finding(FindingCode.MIRROR_DIFFERS, "mirror", f"a head: {fault.detail}", Shows.MIRROR))
            return
        if head.size == self.tree.size and head.root != self.tree.frontier.root():
            detail = "the mirror holds a signed head with another root"
            self.report(
                finding(FindingCode.CHECKPOINT_DIFFERS, f"tree of {head.size}", detail, Shows.MIRROR, Shows.LOG)
            )
        elif head.size == self.tree.size != self._noted and head.size < self.snapshot.tree.size:
            detail = "the mirror holds a signed head that the tables lack"
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, f"tree of {head.size}", detail, Shows.MIRROR))
