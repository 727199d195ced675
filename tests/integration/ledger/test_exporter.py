"""Published tiles: what anyone can download is the tree, and the checkpoint comes last."""

import asyncio
import shutil
from pathlib import Path

import psycopg
import pytest
from ledger_bench import CASH, LedgerFolder, check_ed25519, document, fill

from tallystick.authority.ledger import tasks
from tallystick.authority.ledger.tasks import export_tiles, published_checkpoint
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import leaf_hash, root_at
from tallystick.kit.atomic_file import write_atomically
from tallystick.wire.signed_note import parse_note, verify_note
from tallystick.wire.tiles import ENTRIES, Tile, parse_tile_path, read_bundle, read_hashes, tiles_between


def sell(ledger: LedgerFolder, first: int, last: int) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            if first == 1:
                await fill(client, 0)
            await asyncio.gather(*(client.append(document(CASH[0], n)) for n in range(first, last)))

    asyncio.run(walk())


def download(folder: Path) -> bytes:
    """The root as a stranger computes it: from the files that the checkpoint's size names, and the bundles alone."""
    head = published_checkpoint(folder)
    assert head is not None
    leaves: list[bytes] = []
    for tile in tiles_between(0, head.size):
        content = (folder / tile.path).read_bytes()
        if tile.level == ENTRIES:
            leaves += [leaf_hash(entry) for entry in read_bundle(content)]
        elif tile.level == 0:
            assert read_hashes(content) == leaves[tile.index * 256 : tile.index * 256 + tile.width]
        else:
            assert len(read_hashes(content)) == tile.width
    assert len(leaves) == head.size

    def node(level: int, index: int) -> bytes:
        from tallystick.kernel.merkle import node_hash

        if level == 0:
            return leaves[index]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return root_at(head.size, node)


def test_a_stranger_computes_the_signed_root_from_the_files(ledger: LedgerFolder) -> None:
    sell(ledger, 1, 20)
    sizes = [ledger.publish()]
    sell(ledger, 20, 300)
    sizes.append(ledger.publish())
    head = published_checkpoint(ledger.tiles)
    assert head is not None
    assert head.size == sizes[1] > 256 > sizes[0]
    assert download(ledger.tiles) == head.root
    note = parse_note((ledger.tiles / "checkpoint").read_bytes())
    assert verify_note(note, [ledger.log_key], check_ed25519) == (ledger.log_key,)
    names = [str(path.relative_to(ledger.tiles)) for path in ledger.tiles.rglob("*") if path.is_file()]
    for name in names:
        assert name == "checkpoint" or parse_tile_path(name).path == name
    assert not (ledger.tiles / Tile(0, 0, sizes[0]).path).exists(), "a partial tile goes when the full one is there"


def test_a_deleted_folder_is_built_anew_byte_for_byte(ledger: LedgerFolder) -> None:
    sell(ledger, 1, 300)
    ledger.publish()
    before = {path: path.read_bytes() for path in ledger.tiles.rglob("*") if path.is_file()}
    shutil.rmtree(ledger.tiles)
    ledger.publish()
    assert {path: path.read_bytes() for path in ledger.tiles.rglob("*") if path.is_file()} == before


def test_the_checkpoint_is_written_last(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash at any file leaves the old checkpoint, and all that it needs, in place."""
    sell(ledger, 1, 20)
    ledger.publish()
    old = (ledger.tiles / "checkpoint").read_bytes()
    sell(ledger, 20, 300)
    written = 0

    def crash_at_last(path: Path, content: bytes, *, mode: int) -> None:
        nonlocal written
        written += 1
        if path.name == "checkpoint":
            raise OSError("power cut")
        write_atomically(path, content, mode=mode)

    monkeypatch.setattr(tasks, "write_atomically", crash_at_last)
    with pytest.raises(OSError, match="power cut"):
        ledger.publish()
    assert written > 4
    assert (ledger.tiles / "checkpoint").read_bytes() == old
    monkeypatch.undo()
    ledger.publish()
    head = published_checkpoint(ledger.tiles)
    assert head is not None
    assert download(ledger.tiles) == head.root


def test_i_03_a_tree_that_went_back_or_changed_is_never_published(ledger: LedgerFolder) -> None:
    sell(ledger, 1, 20)
    ledger.back_up()
    sell(ledger, 20, 30)
    ledger.publish()
    seen = (ledger.tiles / "checkpoint").read_bytes()
    ledger.restore()
    with psycopg.connect(ledger.dsn) as connection, pytest.raises(Fault, match="TS-5008"):
        export_tiles(connection, ledger.tiles)
    ledger.edit("UPDATE ledger.leaves SET leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1) WHERE log_index = 3")
    shutil.rmtree(ledger.tiles / "tile")
    with psycopg.connect(ledger.dsn) as connection, pytest.raises(Fault, match="TS-5008"):
        export_tiles(connection, ledger.folder / "elsewhere")
    assert (ledger.tiles / "checkpoint").read_bytes() == seen


def test_nothing_grown_writes_nothing(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ledger.publish() == 0
    sell(ledger, 1, 5)
    size = ledger.publish()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a write")

    monkeypatch.setattr(tasks, "write_atomically", refuse)
    assert ledger.publish() == size
