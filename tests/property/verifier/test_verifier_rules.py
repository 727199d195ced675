"""The verifier's own rules against the product's: written twice, and equal for whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.package_maker import Card, basket, rate_group, sale
from tallystick.crypto.keys import generate_rsa_key
from tallystick.kernel import hashing, merkle
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.invoice import InvoiceItem
from tallystick.kernel.tax import calculate_taxes
from tallystick.verifier import hashes
from tallystick.verifier.arithmetic import taxes_of
from tallystick.verifier.invoices import read_quickly, read_tolerantly
from tallystick.verifier.stretches import merge_ranges, to_ranges

HASH = st.binary(min_size=32, max_size=32)
NUMBER = st.integers(1, 2**63 - 1)
TIN = st.from_regex(r"[0-9A-Z]{1,20}", fullmatch=True)
KEYS = generate_rsa_key(), generate_rsa_key()
GROUP = rate_group()
LABELS = sorted(GROUP.labels())


@given(HASH, NUMBER, HASH, st.integers(0, 0xFFFF), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**70), 2**70), TIN)
def test_s0_040_links_are_those_of_the_writer(
    before: bytes, number: int, body: bytes, kind: int, day: int, total: int, tin: str
) -> None:
    assert hashes.device_link(before, number, body) == hashing.device_link(before, number, body)
    assert hashes.taxpayer_link(before, number, body) == hashing.taxpayer_link(before, number, body)
    assert hashes.type_link(before, kind, number, body) == hashing.type_link(before, kind, number, body)
    assert hashes.day_link(before, day, number, body, total) == hashing.day_link(before, day, number, body, total)
    assert hashes.type_genesis(kind) == hashing.type_genesis(kind)
    assert hashes.day_genesis(day) == hashing.day_genesis(day)
    assert hashes.taxpayer_genesis(before, tin) == hashing.taxpayer_genesis(before, tin)
    assert hashes.device_genesis(f"{tin}-{tin}", before, body) == hashing.device_genesis(f"{tin}-{tin}", before, body)
    assert hashes.record_commitment(before, tin.encode()) == hashing.record_commitment(before, tin.encode())


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_roots_and_paths_are_those_of_the_tree(leaves: list[bytes], data: st.DataObject) -> None:
    frontier, edge, nodes = merkle.Frontier(), hashes.Edge(), {}
    for index, leaf in enumerate(leaves):
        for level, node in enumerate(frontier.append(merkle.leaf_hash(leaf))):
            nodes[level, index >> level] = node
        edge.add(hashes.leaf_hash(leaf))
    assert edge.root() == frontier.root()
    assert edge.nodes == tuple(frontier.right_edge[at : at + 32] for at in range(0, len(frontier.right_edge), 32))
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.inclusion_path(index, len(leaves), lambda level, place: nodes[level, place])
    leaf = hashes.leaf_hash(leaves[index])
    assert hashes.root_from_path(leaf, index, len(leaves), path) == frontier.root()
    assert hashes.root_from_path(leaf, index, len(leaves), [*path, bytes(32)]) != frontier.root()
    if path:
        assert hashes.root_from_path(leaf, index, len(leaves), path[:-1]) != frontier.root()
    assert hashes.root_from_path(leaf, len(leaves), len(leaves), path) is None


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.integers(0, 4))
def test_a_tree_grows_by_whole_parts_as_by_leaves(leaves: list[bytes], height: int) -> None:
    """The joiner appends a part's node where the writer appended each leaf."""
    whole, parts = hashes.Edge(), hashes.Edge()
    for leaf in leaves:
        whole.add(hashes.leaf_hash(leaf))
    step = 1 << height
    for first in range(0, len(leaves), step):
        part = hashes.Edge()
        for leaf in leaves[first : first + step]:
            part.add(hashes.leaf_hash(leaf))
        if part.size == step:
            parts.add(part.nodes[0], height)
        else:
            assert parts.root(part.nodes) == whole.root()
            return
    assert parts.root() == whole.root()


ITEM = st.builds(
    lambda total, quantity, labels: InvoiceItem("x", Quantity(quantity), Money(total), tuple(labels), Money(total)),
    st.integers(0, 10**12),
    st.integers(1, 10**7),
    st.lists(st.sampled_from(LABELS), max_size=3, unique=True),
)


@given(st.lists(ITEM, min_size=1, max_size=12))
def test_s2_045_taxes_are_those_of_the_rule(items: list[InvoiceItem]) -> None:
    ours = calculate_taxes(items, GROUP)
    stated = tuple((tax.label, int(tax.category_type), tax.rate.scaled * 10**8 // 10**tax.rate.places) for tax in ours)
    unit = 10**8 // 10**Quantity.places
    said = [(item.total_amount.scaled, item.quantity.scaled * unit, item.labels) for item in items]
    assert taxes_of(said, stated) == {tax.label.upper(): tax.amount.scaled for tax in ours}


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(200, 99_999), st.integers(0, 10**9))
def test_the_quick_reader_says_what_the_tolerant_one_says(lines: int, cents: int, second: int) -> None:
    card = Card("ABCD1234", "100000001", KEYS[0], KEYS[1].public)
    body = card.plain(sale(basket(lines, cents=cents)), datetime.fromtimestamp(1_600_000_000 + second, UTC))
    quick, slow = read_quickly(body), read_tolerantly(body)
    assert quick is not None
    assert quick._replace(url="", items=tuple(quick.items), taxes=tuple(quick.taxes)) == slow._replace(url="")


@given(st.binary(max_size=300))
def test_the_quick_reader_never_raises(data: bytes) -> None:
    assert read_quickly(data) is None


@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=12), min_size=1, max_size=6))
def test_ranges_of_numbers_know_what_came_twice(parts: list[list[int]]) -> None:
    seen: set[int] = set()
    ranges: list[tuple[int, int]] = []
    doubled = False
    for numbers in parts:
        some, twice = to_ranges(numbers)
        assert bool(twice) == (len(set(numbers)) < len(numbers))
        ranges, overlapping = merge_ranges(ranges, some)
        doubled = doubled or bool(overlapping)
        assert bool(overlapping) == bool(seen & set(numbers))
        seen |= set(numbers)
    assert {number for first, last in ranges for number in range(first, last + 1)} == seen
    assert ranges == sorted(ranges)
