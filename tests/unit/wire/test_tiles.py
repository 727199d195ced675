"""Paths and bundles of a tiled log; the examples are those of the C2SP tlog-tiles specification."""

from functools import partial
from itertools import pairwise

import pytest
from outcomes import fault_code

from tallystick.wire.tiles import (
    ENTRIES,
    Tile,
    full_tiles,
    parse_tile_path,
    partial_width,
    read_bundle,
    read_hashes,
    tiles_between,
    write_bundle,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(63, 0, 1), "tile/63/000.p/1"),
        (Tile(ENTRIES, 999, 255), "tile/entries/999.p/255"),
        (Tile(1, 1000), "tile/1/x001/000"),
    ],
)
def test_a_path_is_written_and_read(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    ["", "tile/0/0", "tile/00/000", "tile/64/000", "tile/0/001/000", "tile/0/x000/001", "tile/0/000.p/0",
     "tile/0/000.p/256", "tile/0/000.p/07", "tile/entries/", "/tile/0/000", "tile/0/000/", "tile/0/../000",
     "tile/0/000\n", "tile/0/٠٠٠", "tile/0/x999/x999/x999/x999/x999/x999/999"],
)  # fmt: skip
def test_any_other_spelling_is_refused(path: str) -> None:
    assert fault_code(lambda: parse_tile_path(path)) == "TS-1001"


def test_a_tree_of_70_000_leaves() -> None:
    assert [(full_tiles(level, 70_000), partial_width(level, 70_000)) for level in (0, 1, 2, 3)] == [
        (273, 112),
        (1, 17),
        (0, 1),
        (0, 0),
    ]
    assert (full_tiles(0, 256), partial_width(1, 256)) == (1, 1)


def test_a_growing_tree_gets_each_tile_once() -> None:
    """Whatever sizes are published on the way, the files are those of the last size and the partial ones between."""
    sizes = (0, 1, 255, 256, 257, 600, 600, 65_536, 70_000)
    seen = [list(tiles_between(old, new)) for old, new in pairwise(sizes)]
    full = [tile for step in seen for tile in step if not tile.is_partial]
    assert len(full) == len(set(full))
    assert set(full) == {tile for tile in tiles_between(0, 70_000) if not tile.is_partial}
    assert seen[5] == []
    assert Tile(0, 2, 88) in seen[4]
    assert Tile(1, 0, 2) in seen[4]
    assert Tile(2, 0, 1) in seen[6]


def test_bundles() -> None:
    entries = [b"", b"a", b"bc" * 1000]
    assert read_bundle(write_bundle(entries)) == entries
    with pytest.raises(ValueError, match="1 to 256"):
        write_bundle([])
    with pytest.raises(ValueError, match="1 to 256"):
        write_bundle([b""] * 257)
    for data in (b"", b"\0", b"\0\2a", b"\0\0" * 257):
        assert fault_code(partial(read_bundle, data)) == "TS-1220"


def test_hashes_of_a_tile() -> None:
    assert read_hashes(b"a" * 32 + b"b" * 32) == [b"a" * 32, b"b" * 32]
    for data in (b"", b"a" * 33, b"a" * 32 * 257):
        assert fault_code(partial(read_hashes, data)) == "TS-1220"
