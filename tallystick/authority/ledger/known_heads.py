"""Whether the ledger here still contains what others know of it: signed heads from anywhere against the stored tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import attrs

from tallystick.authority.ledger.store import Connection, load_tree_state
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import root_at
from tallystick.wire.signed_note import Check, Checkpoint, NoteKey, parse_checkpoint, parse_note, verify_note


class Standing(StrEnum):
    """How a known head stands to the ledger here."""

    CONTAINED = "contained"
    BEYOND = "beyond"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"


@attrs.frozen(slots=True)
class KnownHead:
    """A head and where it was kept; ``head`` is none where the note is not one of this log, ``trouble`` says why."""

    source: str
    head: Checkpoint | None
    trouble: str = ""

    @property
    def size(self) -> int:
        """How many entries it covers; 0 for one that cannot be read."""
        return self.head.size if self.head is not None else 0


@attrs.frozen(slots=True)
class Judged:
    """A known head and how it stands."""

    known: KnownHead
    standing: Standing
    detail: str = ""

    def __str__(self) -> str:
        """One line for people."""
        told = f": {self.detail}" if self.detail else ""
        return f"{self.standing:10} {self.known.size:>12,}  {self.known.source}{told}"


def read_known(source: str, note: bytes, origin: str, keys: Sequence[NoteKey], check: Check) -> KnownHead:
    """Read a signed head; what is not signed by a key of the log is kept as such, never taken for a head."""
    try:
        parsed = parse_note(note)
        verify_note(parsed, keys, check)
        head = parse_checkpoint(parsed.text)
        if head.origin != origin:
            raise Fault("TS-1312", detail=f"a head of the log {head.origin}")
    except Fault as fault:
        return KnownHead(source, None, fault.detail or fault.code)
    return KnownHead(source, head)


def judge(connection: Connection, heads: Iterable[KnownHead]) -> list[Judged]:
    """Compare each with the tree of the tables, computed from tiles and leaves."""
    size = load_tree_state(connection).size
    reader = TreeReader(connection, size)
    return [_judge(known, size, reader) for known in heads]


def _judge(known: KnownHead, size: int, reader: TreeReader) -> Judged:
    head = known.head
    if head is None:
        return Judged(known, Standing.UNREADABLE, known.trouble)
    if head.size > size:
        return Judged(known, Standing.BEYOND, f"{head.size - size:,} entries more than the ledger here")
    try:
        root = root_at(head.size, reader.hash_at)
    except LookupError as error:
        return Judged(known, Standing.DIFFERS, str(error))
    if root != head.root:
        return Judged(known, Standing.DIFFERS, "the tree here has another root at that size")
    return Judged(known, Standing.CONTAINED)
