"""How detectors read the ledger: a span of entries at a time, each reader from where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

import attrs

from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_keys import keys_of
from tallystick.authority.ledger.sweep_rows import LINK_TABLES, EntryRow, Key, LinkRow, read_entries, read_links
from tallystick.authority.ledger.tombstones import erased_hash
from tallystick.authority.projections.inspections import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.record import Record, read_record


@attrs.define(slots=True)
class Pace:
    """How much a round reads of what is new, and when the looks are due that do not follow it.

    Selling goes first: while the log grows by more than ``busy`` entries a round, only so many are read, and ``quiet``
    ones a round when it is calm again. The other looks are due every ten seconds; a backlog puts them off for some
    rounds only, so that a flood of documents hides nothing. A restart begins anew.
    """

    busy: int = 100
    quiet: int = 1_000
    every: timedelta = timedelta(seconds=10)
    put_off_most: int = 60
    _size: int | None = attrs.field(default=None, init=False)
    _last: datetime | None = attrs.field(default=None, init=False)
    _put_off: int = attrs.field(default=0, init=False)

    def most(self, size: int) -> int:
        """How many new entries this round reads of a log that has ``size`` by now; asked once a round."""
        grown = 0 if self._size is None else size - self._size
        self._size = size
        return self.busy if grown > self.busy else self.quiet

    def is_due(self, at: datetime, *, backlog: bool) -> bool:
        """Whether to look now; who asks looks."""
        if self._last is not None and abs(at - self._last) < self.every:
            return False
        if backlog and self._put_off < self.put_off_most:
            self._put_off += 1
            return False
        self._last, self._put_off = at, 0
        return True


@attrs.frozen(slots=True)
class Entry:
    """An entry as the tables hold it; ``row`` is none where the leaf lacks, ``record`` where it cannot be read."""

    index: int
    row: EntryRow | None
    record: Record | None

    @property
    def item(self) -> str:
        """How evidence names it."""
        return f"entry {self.index}"

    @property
    def matter(self) -> str:
        """Whose case it goes to: the device's, else the taxpayer's, else the ledger's."""
        if self.record is not None and self.record.device:
            return self.record.device
        return f"taxpayer {self.tin}" if self.tin else "ledger"

    @property
    def tin(self) -> str:
        """The taxpayer, as leaf or record say."""
        return self.row.tin if self.row is not None else ""

    @property
    def device(self) -> str:
        """The pair of UIDs, empty for events."""
        return self.record.device if self.record is not None else ""

    @property
    def amount(self) -> int:
        """The document's total (x 10000)."""
        return int(self.record.total or "0") if self.record is not None else 0


def entries(conn: Connection, first: int, last: int) -> Iterator[Entry]:
    """The entries of a span, those too that lack."""
    found = read_entries(conn, first, last)
    for index in range(first, last):
        row = found.get(index)
        yield Entry(index, row, None if row is None else _record(row.record))


def is_erased(conn: Connection, entry: Entry) -> bool:
    """Whether its body was lawfully erased: the ledger says so, and the hash is that of the body that was booked."""
    row, record = entry.row, entry.record
    if row is None or row.body or record is None:
        return False
    return erased_hash(conn, entry.index, row.media_type, row.body, store.acked_size(conn)) == record.body_hash


def links_of(conn: Connection, found: Sequence[Entry]) -> dict[int, dict[Shows, LinkRow | None]]:
    """For each entry whose record can be read: its row in every sequence to which it belongs, none where it lacks."""
    keys: dict[int, dict[Shows, tuple[Key, int]]] = {}
    for entry in found:
        if entry.record is not None:
            with suppress(ValueError):  # a forged record is told by its commitment
                keys[entry.index] = keys_of(entry.record)
    links: dict[int, dict[Shows, LinkRow | None]] = {index: {} for index in keys}
    for table in LINK_TABLES:
        wanted = {index: named[table.shows] for index, named in keys.items() if table.shows in named}
        rows = read_links(conn, table, wanted.values())
        for index, key in wanted.items():
            links[index][table.shows] = rows.get(key)
    return links


def _record(data: bytes | None) -> Record | None:
    if data is None:
        return None
    try:
        return read_record(data)
    except Fault:
        return None


class NewSpan(NamedTuple):
    """Entries from ``first`` to before ``last``; ``is_all`` when no further ones wait."""

    first: int
    last: int
    is_all: bool


def next_span(conn: Connection, reader: str, pace: Pace) -> NewSpan:
    """The entries that a reader has not seen yet, as many as its pace says; it is behind them with the commit.

    Where the log has shrunk, the reader goes back with it: what grows there afterwards is new to it.
    """
    position, size = store.hold_position(conn, reader), store.acked_size(conn)
    first = min(position, size)
    last = min(first + pace.most(size), size)
    if last != position:
        store.move_position(conn, reader, last)
    return NewSpan(first, last, last == size)


def span_again(conn: Connection, reader: str, most: int) -> tuple[int, int]:
    """A piece of what was seen before: round and round, so that what is changed later is seen as well."""
    first, size = store.hold_position(conn, reader), store.acked_size(conn)
    if first >= size:
        first = 0
    last = min(first + most, size)
    store.move_position(conn, reader, last)
    return first, last
