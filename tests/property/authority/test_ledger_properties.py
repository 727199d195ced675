"""Holes, tiles and binary parameters against plain models."""

from __future__ import annotations

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.authority.ledger import binary
from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.authority.ledger.sequences import DeviceHead, hole_changes
from tallystick.authority.ledger.store import fold_edge
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.merkle import Frontier

ordinals = st.lists(st.integers(1, 60), unique=True, max_size=40)


def arrived(numbers: list[int]) -> DeviceHead:
    head = DeviceHead("A", "A", "1", b"", b"", 0)
    for number in numbers:
        assert head.lacks(number)
        head.arrive(number)
        assert not head.lacks(number)
    return head


@given(ordinals)
def test_holes_are_what_has_not_arrived(numbers: list[int]) -> None:
    head = arrived(numbers)
    highest = max(numbers, default=0)
    lacking = [number for first, last in head.holes for number in range(first, last + 1)]
    assert lacking == sorted(set(range(1, highest + 1)) - set(numbers))
    assert (head.highest, head.missing) == (highest, len(lacking))
    assert all(after[0] > before[1] + 1 for before, after in zip(head.holes, head.holes[1:], strict=False))


@given(ordinals, ordinals)
def test_changes_of_holes_lead_from_one_state_to_the_next(first: list[int], more: list[int]) -> None:
    """Applied to the stored rows they give the new ranges; an empty row is a hole that was filled."""
    head = arrived(first)
    before = head.holes
    for number in more:
        if head.lacks(number):
            head.arrive(number)
    rows = {last: start for start, last in before} | hole_changes(before, head.holes)
    assert sorted((start, last) for last, start in rows.items() if start <= last) == list(head.holes)


@given(st.integers(0, 70_000))
@settings(max_examples=15, deadline=None)
def test_edge_and_frontier_agree_at_any_size(size: int) -> None:
    tree, plain = GrowingTree(), Frontier()
    filled = 0
    for number in range(size):
        leaf = sha256(number.to_bytes(8, "big"))
        plain.append(leaf)
        for tile in tree.append(leaf):
            filled += 1
            assert len(tile.hashes) == 8192
    assert tree.frontier.root() == plain.root()
    assert filled == (size >> 8) + (size >> 16)
    assert fold_edge(tree.edge, size) == plain.right_edge


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=5),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    st.lists(st.binary(max_size=40), max_size=5),
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_binary_parameters_mean_what_they_say(
    connection: psycopg.Connection, whole: list[int], bigs: list[int], blobs: list[bytes], texts: list[str]
) -> None:
    query, names = binary.positional(
        "SELECT %(n)s::integer[], %(b)s::bigint[], %(x)s::bytea[], %(t)s::text[], %(b)s::bigint[]"
    )
    assert names == ("n", "b", "x", "t")
    values = [
        binary.int4_array(whole), binary.int8_array(bigs), binary.bytea_array(blobs), binary.text_array(texts),
    ]  # fmt: skip
    pgconn = connection.pgconn
    result = pgconn.exec_params(query, values, None, [1] * 4)
    assert not result.error_message
    shown = [(result.get_value(0, column) or b"").decode() for column in range(result.nfields)]
    said = connection.execute(
        "SELECT %s::integer[]::text, %s::bigint[]::text, %s::bytea[]::text, %s::text[]::text",
        (whole, bigs, blobs, texts),
    ).fetchone()
    assert said is not None
    assert shown == [*said, said[1]]


@given(st.lists(st.integers(-62_135_596_800_000, 253_402_300_799_999), max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_moments_in_binary_are_those_of_the_calendar(connection: psycopg.Connection, unix_ms: list[int]) -> None:
    written = binary.ArrayParameter(binary.moment_array(unix_ms))
    same = connection.execute(
        "SELECT %s::timestamptz[] = %s::timestamptz[]", (written, [from_unix_ms(one) for one in unix_ms])
    ).fetchone()
    assert same == (True,)
