"""The Merkle tree against the definitions of RFC 6962, written here as recursions over lists of leaves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel import merkle

LEAVES = [f"leaf {number}".encode() for number in range(300)]


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    middle = split(len(leaves))
    return hashlib.sha256(b"\1" + tree_hash(leaves[:middle]) + tree_hash(leaves[middle:])).digest()


def split(size: int) -> int:
    """The largest power of two below ``size``."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def audit_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*audit_path(index, leaves[:middle]), tree_hash(leaves[middle:])]
    return [*audit_path(index - middle, leaves[middle:]), tree_hash(leaves[:middle])]


def subproof(old: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    middle = split(len(leaves))
    if old <= middle:
        return [*subproof(old, leaves[:middle], whole), tree_hash(leaves[middle:])]
    return [*subproof(old - middle, leaves[middle:], False), tree_hash(leaves[:middle])]


class Nodes:
    """Perfect nodes as a log keeps them: only those that the frontier said are complete."""

    def __init__(self, size: int) -> None:
        self.frontier = merkle.Frontier()
        self.kept: dict[tuple[int, int], bytes] = {}
        for number in range(size):
            for level, node in enumerate(self.frontier.append(merkle.leaf_hash(LEAVES[number]))):
                assert (level, number >> level) not in self.kept
                self.kept[level, number >> level] = node

    def __call__(self, level: int, index: int) -> bytes:
        return self.kept[level, index]


sizes = st.integers(1, len(LEAVES))
indexed = sizes.flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))
grown = sizes.flatmap(lambda size: st.tuples(st.integers(1, size), st.just(size)))


@given(st.integers(0, len(LEAVES)))
def test_roots_agree_and_a_frontier_survives_storage(size: int) -> None:
    nodes = Nodes(size)
    expected = tree_hash(LEAVES[:size])
    assert nodes.frontier.root() == expected == merkle.root_at(size, nodes)
    restored = merkle.Frontier.restore(size, nodes.frontier.right_edge)
    assert restored.root() == expected
    restored.append(merkle.leaf_hash(b"one more"))
    assert restored.root() == tree_hash([*LEAVES[:size], b"one more"])
    assert nodes.frontier.root() == expected


@given(indexed)
def test_inclusion_paths_agree_and_verify(case: tuple[int, int]) -> None:
    index, size = case
    path = merkle.inclusion_path(index, size, Nodes(size))
    assert path == audit_path(index, LEAVES[:size])
    merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, path, tree_hash(LEAVES[:size]))


@given(grown)
def test_consistency_paths_agree_and_verify(case: tuple[int, int]) -> None:
    old, new = case
    path = merkle.consistency_path(old, new, Nodes(new))
    assert path == subproof(old, LEAVES[:new], True)
    merkle.verify_consistency(old, tree_hash(LEAVES[:old]), new, tree_hash(LEAVES[:new]), path)


@given(indexed, st.data())
def test_a_changed_inclusion_proof_proves_nothing(case: tuple[int, int], data: st.DataObject) -> None:
    index, size = case
    leaf, root = merkle.leaf_hash(LEAVES[index]), tree_hash(LEAVES[:size])
    path = audit_path(index, LEAVES[:size])
    other_index = data.draw(st.integers(0, size - 1).filter(lambda other: other != index)) if size > 1 else 1
    for wrong in (
        (merkle.leaf_hash(b"other"), index, size, path, root),
        (leaf, other_index, size, path, root),
        (leaf, index, size, [*path, root], root),
        (leaf, index, size, path, merkle.leaf_hash(b"other")),
        (leaf, index, index, path, root),
        (leaf, -1, size, path, root),
        (leaf, index, size, path[:-1] if path else [root], root),
        (leaf, index, size, [flipped(path[0]), *path[1:]] if path else [leaf], root),
    ):
        with pytest.raises(merkle.InvalidProof):
            merkle.verify_inclusion(*wrong)


@given(grown)
def test_a_changed_consistency_proof_proves_nothing(case: tuple[int, int]) -> None:
    old, new = case
    old_root, new_root = tree_hash(LEAVES[:old]), tree_hash(LEAVES[:new])
    path = subproof(old, LEAVES[:new], True)
    wrong = [
        (old, flipped(old_root), new, new_root, path),
        (old, old_root, new, flipped(new_root), path),
        (old, old_root, new, new_root, [*path, new_root]),
        (new + 1, old_root, new, new_root, path),
        (-1, old_root, new, new_root, path),
    ]
    if path:
        wrong.append((old, old_root, new, new_root, path[:-1]))
        wrong.append((old, old_root, new, new_root, [flipped(path[0]), *path[1:]]))
    for proof in wrong:
        with pytest.raises(merkle.InvalidProof):
            merkle.verify_consistency(*proof)


def flipped(node: bytes) -> bytes:
    return bytes([node[0] ^ 1]) + node[1:]


def test_every_tree_extends_the_empty_one() -> None:
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 5, tree_hash(LEAVES[:5]), [])
    with pytest.raises(merkle.InvalidProof):
        merkle.verify_consistency(0, tree_hash(LEAVES[:1]), 5, tree_hash(LEAVES[:5]), [])


def test_an_append_touches_only_the_right_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Appends make fewer node hashes than leaves, and the edge has one node for each bit of the size."""
    calls = 0

    def counted(left: bytes, right: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return left

    monkeypatch.setattr(merkle, "node_hash", counted)
    frontier = merkle.Frontier()
    for _ in range(100_000):
        frontier.append(bytes(32))
    assert calls < 100_000
    assert len(frontier.right_edge) == (100_000).bit_count() * 32


def test_a_frontier_that_cannot_be_is_refused() -> None:
    for size, edge in ((1, b""), (0, bytes(32)), (3, bytes(32)), (-1, b"")):
        with pytest.raises(ValueError, match="another right edge"):
            merkle.Frontier.restore(size, edge)


def test_a_copy_goes_its_own_way() -> None:
    frontier = Nodes(7).frontier
    other = frontier.copy()
    other.append(bytes(32))
    assert (frontier.size, other.size) == (7, 8)
    assert frontier.root() == tree_hash(LEAVES[:7])


def test_paths_of_what_is_not_there_are_our_own_bug() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_path(index, size, Nodes(0))
    for old, new in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="no proof"):
            merkle.consistency_path(old, new, Nodes(0))
