"""The Merkle tree of RFC 6962 section 2.1 over SHA-256: roots, inclusion and consistency proofs.

A *perfect node* ``(level, index)`` is the root over the leaves ``index << level`` up to ``(index + 1) << level``. It
never changes once all of them exist, and a tree of any size can be folded from perfect nodes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from tallystick.kernel.hashing import HASH_BYTES, sha256

HashAt = Callable[[int, int], bytes]
"""Gives the hash of the perfect node ``(level, index)``."""

EMPTY_ROOT = sha256(b"")


class InvalidProof(Exception):
    """The hashes offered do not prove what they claim."""


def leaf_hash(leaf: bytes) -> bytes:
    """``SHA-256(0x00 || leaf)``."""
    return sha256(b"\x00" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """``SHA-256(0x01 || left || right)``."""
    return sha256(b"\x01" + left + right)


class Frontier:
    """The right edge of a growing tree: the perfect nodes that cover all leaves, largest first.

    An append costs O(log n) at most, and two hashes on average.
    """

    __slots__ = ("_nodes", "size")

    def __init__(self) -> None:
        self.size = 0
        self._nodes: list[bytes] = []

    @classmethod
    def restore(cls, size: int, right_edge: bytes) -> Self:
        """The frontier of a tree whose size and right edge were stored; ``ValueError`` if they cannot fit together."""
        if size < 0 or len(right_edge) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"a tree of {size} leaves has another right edge")
        frontier = cls()
        frontier.size = size
        frontier._nodes = [right_edge[at : at + HASH_BYTES] for at in range(0, len(right_edge), HASH_BYTES)]
        return frontier

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf hash; returns the perfect nodes that it completes.

        They are those of level 0, 1, ... in this order; level ``k`` has the index ``(size - 1) >> k`` in the new size.
        """
        completed = [leaf]
        position = self.size
        while position & 1:
            leaf = node_hash(self._nodes.pop(), leaf)
            completed.append(leaf)
            position >>= 1
        self._nodes.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return _fold(self._nodes) if self._nodes else EMPTY_ROOT

    @property
    def right_edge(self) -> bytes:
        """The perfect nodes, largest first, one after another: with ``size`` all that is needed to go on."""
        return b"".join(self._nodes)

    def copy(self) -> Frontier:
        """An independent frontier of the same tree, for trying a batch."""
        other = Frontier()
        other.size = self.size
        other._nodes = self._nodes.copy()
        return other


def _fold(nodes: Sequence[bytes]) -> bytes:
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


def _range_root(start: int, end: int, hash_at: HashAt) -> bytes:
    """The root over leaves ``start`` to ``end``, where ``start`` is a multiple of the range's largest power of two."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(hash_at(level, start >> level))
        start += 1 << level
    return _fold(nodes)


def root_at(size: int, hash_at: HashAt) -> bytes:
    """The root of the tree's first ``size`` leaves."""
    return _range_root(0, size, hash_at) if size else EMPTY_ROOT


def inclusion_path(index: int, size: int, hash_at: HashAt) -> list[bytes]:
    """The audit path of leaf ``index`` in a tree of ``size`` leaves, from the leaf upwards (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path = []
    for level in range((size - 1).bit_length()):
        start = ((index >> level) ^ 1) << level
        if start < size:
            path.append(_range_root(start, min(start + (1 << level), size), hash_at))
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its path lead to; raises ``InvalidProof`` if the path has a wrong length."""
    if not 0 <= index < size:
        raise InvalidProof("the leaf lies outside the tree")
    rest = iter(path)
    root, last = leaf, size - 1
    try:
        while last:
            if index & 1:
                root = node_hash(next(rest), root)
            elif index < last:
                root = node_hash(root, next(rest))
            index >>= 1
            last >>= 1
    except StopIteration:
        raise InvalidProof("the path is too short") from None
    if next(rest, None) is not None:
        raise InvalidProof("the path is too long")
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash stands at ``index`` of the tree with this size and root; raises ``InvalidProof``."""
    if root_from_inclusion(leaf, index, size, path) != root:
        raise InvalidProof("the path leads to another root")


def consistency_path(old_size: int, new_size: int, hash_at: HashAt) -> list[bytes]:
    """The proof that the first ``old_size`` leaves of a tree have not changed (RFC 6962 section 2.1.2)."""
    if not 0 < old_size <= new_size:
        raise ValueError(f"no proof from {old_size} to {new_size}")
    path: list[bytes] = []
    start, end, whole = 0, new_size, True
    while old_size != end:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if old_size <= middle:
            path.append(_range_root(middle, end, hash_at))
            end = middle
        else:
            path.append(_range_root(start, middle, hash_at))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, hash_at))
    return path[::-1]


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of ``new_size`` only appended to the one of ``old_size`` (RFC 9162 section 2.1.4.2).

    Raises ``InvalidProof``. Every tree extends the empty one; equal sizes need equal roots and no path.
    """
    if old_size == 0 or old_size == new_size:
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if path or old_root != expected:
            raise InvalidProof("a different tree of the same size")
        return
    if not 0 < old_size < new_size:
        raise InvalidProof("the tree became smaller")
    old, new = _roots_from_consistency(old_size, old_root, new_size, path)
    if old != old_root or new != new_root:
        raise InvalidProof("the path leads to other roots")


def _roots_from_consistency(
    old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    rest = iter(path)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    try:
        old = new = next(rest) if position else old_root
        while last:
            if position & 1:
                sibling = next(rest)
                old, new = node_hash(sibling, old), node_hash(sibling, new)
            elif position < last:
                new = node_hash(new, next(rest))
            position >>= 1
            last >>= 1
    except StopIteration:
        raise InvalidProof("the path is too short") from None
    if next(rest, None) is not None:
        raise InvalidProof("the path is too long")
    return old, new
