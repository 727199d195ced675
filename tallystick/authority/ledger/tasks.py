"""The exporter: committed tiles become files (C2SP tlog-tiles), the checkpoint last.

A folder that was deleted is built anew. A checkpoint that would be smaller than, or not an extension of, the one that
is out is never written: what the public has seen stays true.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tallystick.authority.ledger.queries import Connection, newest_checkpoint
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import root_at
from tallystick.kit.atomic_file import write_atomically
from tallystick.wire.signed_note import Checkpoint, parse_checkpoint, parse_note
from tallystick.wire.tiles import CHECKPOINT_PATH, tiles_between

_FILE_MODE = 0o644


def export_tiles(connection: Connection, folder: Path) -> int:
    """Write what the newest checkpoint needs and has not been written yet; returns the size that is now published.

    Raises ``TS-5008`` when the stored tree does not lead to the signed root or does not extend the published one.
    """
    note = newest_checkpoint(connection)
    if not note:
        return 0
    head, before = parse_checkpoint(parse_note(note).text), published_checkpoint(folder)
    if before == head:
        return head.size
    reader = TreeReader(connection, head.size)
    _check_extends(reader, before, head)
    old_size = before.size if before else 0
    for tile in tiles_between(old_size, head.size):
        _write(folder / tile.path, reader.content(tile))
        if not tile.is_partial:
            shutil.rmtree(folder / f"{tile.path}.p", ignore_errors=True)
    _write(folder / CHECKPOINT_PATH, note)
    return head.size


def published_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint that is out; None before the first. Raises ``TS-1220`` when the file is damaged."""
    try:
        return parse_checkpoint(parse_note((folder / CHECKPOINT_PATH).read_bytes()).text)
    except FileNotFoundError:
        return None


def _check_extends(reader: TreeReader, before: Checkpoint | None, head: Checkpoint) -> None:
    if root_at(head.size, reader.hash_at) != head.root:
        raise Fault("TS-5008", detail=f"the tree of {head.size} entries does not have the signed root")
    if before is None:
        return
    if before.size > head.size or root_at(before.size, reader.hash_at) != before.root:
        raise Fault("TS-5008", detail=f"the tree does not extend the published one of {before.size} entries")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content, mode=_FILE_MODE)
