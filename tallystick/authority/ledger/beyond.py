"""What the mirror holds beyond the tables, read for booking it again (`replay`) and for saying what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.mirror import MirrorEntry, first_index_of, read_frames, segments
from tallystick.kernel.faults import Fault
from tallystick.wire.erasure import read_erasure
from tallystick.wire.signed_note import parse_checkpoint, parse_note

TOGETHER_ENTRIES = 20_000
"""Most entries of one transaction where the mirror holds no signed head for long."""


class Group(NamedTuple):
    """Entries that are booked together, and the head that was signed over them; empty where none was."""

    entries: list[MirrorEntry]
    note: bytes


@attrs.frozen(slots=True)
class Salts:
    """What the mirror holds for making commitments again: taxpayers' beginnings by TIN, buyers' salts by index."""

    beginnings: dict[str, bytes] = attrs.field(factory=dict)
    buyers: dict[int, bytes] = attrs.field(factory=dict)


def groups_beyond(folder: Path, start: int, salts: Salts) -> Iterator[Group]:
    """The entries from ``start`` on, up to each signed head; what was read of ``salts`` until then is put there."""
    pending: list[MirrorEntry] = []
    for segment in _segments_from(folder, start):
        for frame in read_frames(segment):
            if frame.genesis is not None:
                salts.beginnings.setdefault(*frame.genesis)
            elif frame.buyer is not None:
                if frame.buyer[0] >= start:
                    salts.buyers.setdefault(*frame.buyer)
            elif frame.entry is not None and frame.entry.log_index >= start:
                pending.append(frame.entry)
            elif frame.note is not None and pending:
                yield Group(pending, frame.note if _is_over(frame.note, pending[-1]) else b"")
                pending = []
            elif frame.batch is not None and len(pending) >= TOGETHER_ENTRIES:
                yield Group(pending, b"")
                pending = []
    if pending:
        yield Group(pending, b"")


def _is_over(note: bytes, last: MirrorEntry) -> bool:
    return parse_checkpoint(parse_note(note).text).size == last.log_index + 1


def entries_beyond(folder: Path, start: int, kind: int) -> Iterator[MirrorEntry]:
    """The mirror's entries of one kind from ``start`` on; raises ``MirrorDamaged``."""
    for segment in _segments_from(folder, start):
        for frame in read_frames(segment):
            entry = frame.entry
            if entry is not None and entry.log_index >= start and entry.leaf[4] == kind:
                yield entry


def orders_beyond(folder: Path, start: int) -> dict[int, int]:
    """Which entry (kind 07) ordered the erasure of which, of those from ``start`` on; the first one counts."""
    orders: dict[int, int] = {}
    for entry in entries_beyond(folder, start, EntryKind.ERASURE):
        for index in _named_in(entry.body):
            orders.setdefault(index, entry.log_index)
    return orders


def _named_in(body: bytes) -> Iterable[int]:
    try:
        return tuple(read_erasure(body).erased)
    except Fault:
        return ()


def newest_index(folder: Path) -> int:
    """How many entries the mirror reaches to; 0 for an empty one. Reads its newest file that holds any."""
    for segment in reversed(segments(folder)):
        last = max((frame.entry.log_index for frame in read_frames(segment) if frame.entry is not None), default=-1)
        if last >= 0:
            return last + 1
    return 0


def _segments_from(folder: Path, start: int) -> list[Path]:
    """The files that may hold entries from ``start`` on."""
    files = segments(folder)
    return [
        file
        for file, following in zip(files, [*files[1:], None], strict=False)
        if following is None or first_index_of(following) > start
    ]


def newest_note(folder: Path) -> bytes:
    """The newest signed head in the mirror; empty where it holds none. Raises ``MirrorDamaged``."""
    for segment in reversed(segments(folder)):
        found = b""
        for frame in read_frames(segment):
            found = frame.note or found
        if found:
            return found
    return b""
