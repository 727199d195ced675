"""What a sequencer does before it serves: each row of the recovery table is one function here.

It repairs only what a crash can leave (a mirror that is too long by one batch, or too short). Anything else halts
intake with TS-5008: history is never made to fit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import attrs

from tallystick.authority.ledger import mirror as mirror_files
from tallystick.authority.ledger.mirror import Mirror, MirrorEntry
from tallystick.authority.ledger.sequences import LedgerState
from tallystick.authority.ledger.store import Connection, load_state, load_tree, load_tree_state
from tallystick.authority.ledger.sweep_rows import read_entries
from tallystick.authority.ledger.tombstones import erased_hash, same_but_erased
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import root_at
from tallystick.kit.named_sql import load_queries
from tallystick.wire.record import read_record
from tallystick.wire.signed_note import parse_checkpoint, parse_note

logger = logging.getLogger(__name__)

TAIL_COMPARED_ENTRIES = 1_000
_CHUNK_ENTRIES = 500
_SQL = load_queries("tallystick.authority.ledger")


class SelfCheckFailed(Exception):
    """The ledger contradicts itself (TS-5008): intake halts and an operator decides."""


def load_ledger(connection: Connection) -> LedgerState:
    """Heads and tree as committed; raises ``SelfCheckFailed`` when tiles, rows and ``tree_state`` do not agree."""
    newest = load_tree_state(connection)
    try:
        tree = load_tree(connection, newest.size)
    except ValueError as error:
        raise SelfCheckFailed(str(error)) from error
    if tree.frontier.root() != newest.root or tree.frontier.right_edge != newest.right_edge:
        raise SelfCheckFailed(f"the tiles of {newest.size} entries do not lead to the root in tree_state")
    beyond = connection.execute(_SQL["ledger_rows_beyond"], {"tree_size": newest.size}).fetchone()
    if beyond is None or beyond[0]:
        raise SelfCheckFailed(f"there are leaves beyond the tree of {newest.size}")
    return load_state(connection, tree, newest)


def check_published(connection: Connection, state: LedgerState, checkpoint_file: Path) -> None:
    """Compare with the checkpoint that went out last; a larger or another one means that a future was lost."""
    if not checkpoint_file.exists():
        return
    try:
        published = parse_checkpoint(parse_note(checkpoint_file.read_bytes()).text)
    except Fault as fault:
        raise SelfCheckFailed(f"the published checkpoint cannot be read: {fault.detail}") from fault
    if published.size > state.size:
        raise SelfCheckFailed(f"a checkpoint of {published.size} entries is out, and the ledger has {state.size}")
    reader = TreeReader(connection, state.size)
    if root_at(published.size, reader.hash_at) != published.root:
        raise SelfCheckFailed(f"the published checkpoint of {published.size} entries has another root")


@attrs.define(slots=True)
class _Tail:
    """What the newest mirror files hold at their end."""

    segment: Path | None = None
    end: int = 0
    size: int = 0
    sealed_size: int = 0
    orphan_from: int | None = None
    orphan_batches: int = 0


def reconcile_mirror(connection: Connection, state: LedgerState, folder: Path) -> None:
    """Make the mirror end where the tree ends; raises ``SelfCheckFailed`` where that would hide something."""
    try:
        tail = _read_tail(folder, state.size)
    except (mirror_files.MirrorDamaged, Fault) as error:
        raise SelfCheckFailed(f"the mirror is damaged: {error}") from error
    if tail.sealed_size > state.size or tail.orphan_batches > 1:
        raise SelfCheckFailed(
            f"the mirror holds {max(tail.size, tail.sealed_size)} entries, {tail.sealed_size} of them signed, "
            f"and the ledger has {state.size}: what was acknowledged is lost"
        )
    _compare_tail(connection, folder, min(tail.size, state.size))
    mirror = Mirror(folder)
    try:
        if tail.segment is not None and tail.segment.stat().st_size > tail.end:
            kept = mirror.cut(tail.segment, tail.end)
            logger.warning("mirror cut to %d entries; what lay beyond is in %s", state.size, kept.name)
        if tail.size < state.size:
            logger.error("mirror lacks entries %d to %d: the disk lied; filling in", tail.size, state.size)
            _fill(connection, mirror, tail.size, state)
    finally:
        mirror.close()


def _read_tail(folder: Path, tree_size: int) -> _Tail:
    """Read the newest file, and older ones as long as they hold no whole entry."""
    tail = _Tail()
    for segment in reversed(mirror_files.segments(folder)):
        found = _read_segment(segment, tree_size)
        if tail.segment is None:
            tail = found
        else:
            tail.size, tail.sealed_size = found.size, max(tail.sealed_size, found.sealed_size)
        if tail.size:
            break
    return tail


def _read_segment(segment: Path, tree_size: int) -> _Tail:
    tail = _Tail(segment, end=mirror_files.HEADER_BYTES)
    for frame in mirror_files.read_frames(segment):
        if frame.entry is not None:
            tail.size = frame.entry.log_index + 1
        elif frame.note is not None:
            tail.sealed_size = parse_checkpoint(parse_note(frame.note).text).size
        elif frame.batch is not None and frame.batch[1] >= tree_size:
            tail.orphan_batches += 1
            tail.orphan_from = tail.end if tail.orphan_from is None else tail.orphan_from
        if tail.orphan_from is None:
            tail.end = frame.end
    if tail.orphan_batches:
        tail.end = tail.orphan_from or tail.end
        tail.size = min(tail.size, tree_size)
    return tail


def _compare_tail(connection: Connection, folder: Path, size: int) -> None:
    """Compare the newest entries of both copies byte by byte."""
    start = max(0, size - TAIL_COMPARED_ENTRIES)
    ours = entries_between(connection, start, size)
    theirs = mirror_entries(folder, start, size)
    for index in range(start, size):
        stored, mirrored = next(ours, None), next(theirs, None)
        if stored != mirrored and not _is_erased(connection, stored, mirrored, size):
            raise SelfCheckFailed(f"entry {index} differs between tables and mirror")


def _is_erased(connection: Connection, stored: MirrorEntry | None, mirrored: MirrorEntry | None, size: int) -> bool:
    """Whether the only difference is a body that the law had erased from the tables."""
    if stored is None or stored.body:
        return False
    row = read_entries(connection, stored.log_index, stored.log_index + 1)[stored.log_index]
    return same_but_erased(stored, mirrored, erased_hash(connection, stored.log_index, row.media_type, row.body, size))


def entries_between(connection: Connection, start: int, end: int) -> Iterator[MirrorEntry]:
    """Entries as the tables hold them; what lacks is empty."""
    for first in range(start, end, _CHUNK_ENTRIES):
        span = {"start": first, "end": min(first + _CHUNK_ENTRIES, end)}
        for index, leaf, salt, record, _, body in connection.execute(_SQL["entries_between"], span):
            yield MirrorEntry(index, leaf, salt or b"", record or b"", body or b"")


def mirror_entries(folder: Path, start: int, end: int) -> Iterator[MirrorEntry]:
    """Entries as the mirror holds them, in the order of its files."""
    files = mirror_files.segments(folder)
    for segment, following in zip(files, [*files[1:], None], strict=True):
        if following is not None and mirror_files.first_index_of(following) <= start:
            continue
        if mirror_files.first_index_of(segment) >= end:
            return
        for frame in mirror_files.read_frames(segment):
            if frame.entry is not None and start <= frame.entry.log_index < end:
                yield frame.entry


def _fill(connection: Connection, mirror: Mirror, start: int, state: LedgerState) -> None:
    for first in range(start, state.size, _CHUNK_ENTRIES):
        end = min(first + _CHUNK_ENTRIES, state.size)
        entries = list(entries_between(connection, first, end))
        buyers = dict(connection.execute(_SQL["buyer_salts_between"], {"start": first, "end": end}).fetchall())
        frames = [piece for entry in entries for piece in _frames_of(entry, state, buyers.get(entry.log_index))]
        mirror.append(state.batch, first, len(entries), frames)


def _frames_of(entry: MirrorEntry, state: LedgerState, buyer: bytes | None) -> Iterator[bytes]:
    yield from _genesis(entry, state)
    if buyer is not None:
        yield mirror_files.buyer_frame(entry.log_index, buyer)
    yield from mirror_files.entry_frame(*entry)


def _genesis(entry: MirrorEntry, state: LedgerState) -> Iterator[bytes]:
    """A taxpayer's beginning, before the first entry of his sequence."""
    facts = read_record(entry.record)
    head = state.taxpayers.get(facts.taxpayer)
    if facts.taxpayer_seq == "1" and head is not None:
        yield mirror_files.genesis_frame(facts.taxpayer, head.salt)
