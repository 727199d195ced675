"""The cross-proof report: for each sequence of the ledger, what all the others say about it.

One walk along the log, then one along each link table, chunk by chunk: memory goes by the number of sequences, not by
that of entries. It tells who shows a document and who does not; whether links and hashes are right is the self-check's
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

import attrs
import psycopg

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_keys import keys_of, number_of
from tallystick.authority.ledger.sweep_rows import (
    LINK_TABLES,
    Connection,
    EntryRow,
    IdentityRow,
    Key,
    LinkRow,
    LinkTable,
    Snapshot,
    page_links,
    read_entries,
    read_identities,
    read_links,
    take_snapshot,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.record import Record, read_record

CHUNK_ENTRIES = 2_048
PLACES_SHOWN = 20
_DOCUMENT = str(int(EntryKind.DOCUMENT))
_SETTLED = str(int(EntryKind.SETTLED_PLACE))
_SEQUENCES = (Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY)
WITNESSES = (*_SEQUENCES, Shows.LOG, Shows.IDENTITY)
"""Who can speak about an entry; the log speaks by leaf, record and body together."""


class Verdict(StrEnum):
    """What the others say about one sequence."""

    COMPLETE = "complete"
    GAP = "gap"
    DISAGREEMENT = "disagreement"


@attrs.frozen(slots=True)
class Place:
    """One entry of a sequence about which not all say the same."""

    number: int
    log_index: int
    lacks: tuple[str, ...]
    differs: tuple[str, ...]


@attrs.define(slots=True)
class Sequence:
    """One sequence: how long its head says that it is, and how many of its entries each witness shows.

    ``beside`` are numbers that have no entry of their own, since one entry settles several places as lost.
    """

    shows: Shows
    key: Key
    length: int
    shown: dict[Shows, int] = attrs.Factory(lambda: dict.fromkeys(WITNESSES, 0))
    expected: dict[Shows, int] = attrs.Factory(lambda: dict.fromkeys(WITNESSES, 0))
    rows: int = 0
    beside: int = 0
    lacking: int = 0
    differing: int = 0
    places: list[Place] = attrs.Factory(list)

    @property
    def verdict(self) -> Verdict:
        """Disagreement where two say different things, gap where one is silent, else complete."""
        if self.differing:
            return Verdict.DISAGREEMENT
        whole = self.rows == self.length - self.beside == self.expected[self.shows] and not self.lacking
        return Verdict.COMPLETE if whole else Verdict.GAP

    def note(self, place: Place) -> None:
        """Take an entry about which not all say the same; the first twenty are kept."""
        self.lacking += bool(place.lacks)
        self.differing += bool(place.differs)
        if len(self.places) < PLACES_SHOWN:
            self.places.append(place)


Sequences = dict[tuple[Shows, Key], Sequence]


def cross_proof(dsn: str, progress: Callable[[int, int], None] = lambda done, total: None) -> Iterator[Sequence]:
    """All sequences as of now, each with what the others say; gives them one by one once the walk is done.

    ``dsn`` may read every table. ``progress`` is told (entries walked, entries in all).
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        snapshot = take_snapshot(connection)
        found: Sequences = {}
        for table in LINK_TABLES:
            for key, head in snapshot.heads[table.shows].items():
                found[table.shows, key] = Sequence(table.shows, key, head.seq)
        _walk(connection, snapshot, found, progress)
        _own_rows(connection, snapshot, found)
    yield from found.values()


def _walk(connection: Connection, snapshot: Snapshot, found: Sequences, progress: Callable[[int, int], None]) -> None:
    for first in range(0, snapshot.size, CHUNK_ENTRIES):
        last = min(first + CHUNK_ENTRIES, snapshot.size)
        rows = read_entries(connection, first, last)
        records = {index: record for index, row in rows.items() if (record := _record(row)) is not None}
        _chunk(connection, found, rows, records)
        progress(last, snapshot.size)


def _record(row: EntryRow) -> Record | None:
    try:
        return read_record(row.record) if row.record is not None else None
    except Fault:
        return None


def _chunk(connection: Connection, found: Sequences, rows: dict[int, EntryRow], records: dict[int, Record]) -> None:
    keys = {index: _keys(record) for index, record in records.items()}
    links: dict[int, dict[Shows, LinkRow]] = {index: {} for index in records}
    for table in LINK_TABLES:
        wanted = {index: named[table.shows] for index, named in keys.items() if table.shows in named}
        stored = read_links(connection, table, wanted.values())
        for index, key in wanted.items():
            if key in stored:
                links[index][table.shows] = stored[key]
    documents = [record for record in records.values() if record.kind == _DOCUMENT]
    events = [bytes.fromhex(record.body_hash) for record in records.values() if record.kind != _DOCUMENT]
    numbers, others = read_identities(connection, (number_of(record) for record in documents), events)
    for index, record in records.items():
        body_hash = bytes.fromhex(record.body_hash)
        identity = numbers.get(number_of(record)) if record.kind == _DOCUMENT else others.get(body_hash)
        _entry(found, index, rows[index], record, keys[index], links[index], identity)


def _keys(record: Record) -> dict[Shows, tuple[Key, int]]:
    try:
        return keys_of(record)
    except (Fault, ValueError):
        return {}


def _entry(
    found: Sequences,
    index: int,
    row: EntryRow,
    record: Record,
    keys: dict[Shows, tuple[Key, int]],
    links: dict[Shows, LinkRow],
    identity: IdentityRow | None,
) -> None:
    """Ask everybody who should know this entry, and write the answers down at each of its sequences."""
    lacks: set[Shows] = set()
    differs: set[Shows] = set()
    for shows in keys:
        link = links.get(shows)
        if link is None:
            lacks.add(shows)
        elif link.log_index != index or link.body_hash.hex() != record.body_hash:
            differs.add(shows)
    if identity is None:
        lacks.add(Shows.IDENTITY)
    elif (identity.log_index, identity.body_hash.hex()) != (index, record.body_hash):
        differs.add(Shows.IDENTITY)
    if row.body is None:
        lacks.add(Shows.LOG)
    elif sha256(row.body).hex() != record.body_hash:
        differs.add(Shows.LOG)
    asked = {*keys, Shows.LOG, Shows.IDENTITY}
    for shows, (key, number) in keys.items():
        sequence = found.get((shows, key))
        if sequence is None:
            sequence = found[shows, key] = Sequence(shows, key, 0)
        sequence.beside += _beside(record, shows, number)
        for witness in asked:
            sequence.expected[witness] += 1
            sequence.shown[witness] += witness not in lacks and witness not in differs
        if lacks or differs:
            sequence.note(Place(number, index, _names(lacks), _names(differs)))


def _beside(record: Record, shows: Shows, number: int) -> int:
    """How many numbers before this one the entry settles as well."""
    first = record.facts.get("first", "") if record.kind == _SETTLED and shows is Shows.DEVICE else ""
    return number - int(first) if first.isdecimal() else 0


def _names(shows: set[Shows]) -> tuple[str, ...]:
    return tuple(sorted(str(one) for one in shows))


def _own_rows(connection: Connection, snapshot: Snapshot, found: Sequences) -> None:
    """Each sequence in its own table: how many rows it has, and which of them the log knows nothing of."""
    for table in LINK_TABLES:
        for row in page_links(connection, table):
            if row.log_index < snapshot.size:
                found.setdefault((table.shows, row.key), Sequence(table.shows, row.key, 0)).rows += 1
        more = {one.key for one in found.values() if one.shows is table.shows and one.rows > one.expected[table.shows]}
        if more:
            _rows_without_entry(connection, snapshot, found, table, more)


def _rows_without_entry(
    connection: Connection, snapshot: Snapshot, found: Sequences, table: LinkTable, keys: set[Key]
) -> None:
    """Look again at the sequences that have more rows than the log accounts for."""
    for row in page_links(connection, table):
        if row.key not in keys or row.log_index >= snapshot.size:
            continue
        stored = read_entries(connection, row.log_index, row.log_index + 1).get(row.log_index)
        record = _record(stored) if stored is not None else None
        if record is None or _keys(record).get(table.shows) != (row.key, row.seq):
            found[table.shows, row.key].note(Place(row.seq, row.log_index, (str(Shows.LOG),), ()))
