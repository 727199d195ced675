"""What the self-check reads: a snapshot of heads and sizes, and the rows of a span of the log with their partners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import psycopg

from tallystick.authority.ledger.binary import ArrayParameter, bytea_array, int8_array, text_array
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.store import TreeState, load_tree_state
from tallystick.kit.named_sql import load_queries

Connection = psycopg.Connection[Any]
Key = tuple[object, ...]

PAGE_ROWS = 5_000
FAR_OFF_ENTRIES = 100_000
_SQL = load_queries("tallystick.authority.ledger")


class StoredHead(NamedTuple):
    """A head as its table holds it; the rest is what only some sequences have."""

    seq: int
    link: bytes
    total: int
    salt: bytes = b""
    highest: int = 0
    missing: int = 0
    certificate_hash: bytes = b""
    registration_index: int = 0
    tin: str = ""


class LinkRow(NamedTuple):
    """A row of a link table; ``total`` only in the day's."""

    key: Key
    seq: int
    body_hash: bytes
    link: bytes
    log_index: int
    total: int = 0


class EntryRow(NamedTuple):
    """A leaf with its record and body; what lacks is None. ``buyer_salt`` only where it is asked for."""

    leaf: bytes
    tin: str
    salt: bytes | None
    record: bytes | None
    media_type: str | None
    body: bytes | None
    buyer_salt: bytes | None = None


class IdentityRow(NamedTuple):
    """A row of the identity table."""

    log_index: int
    act_hash: bytes
    body_hash: bytes
    verdict: int
    month: int
    tin: str


@attrs.frozen(slots=True)
class LinkTable:
    """One of the four link tables: its sequence, its key's columns, and how its rows and heads are asked for."""

    shows: Shows
    by_key: str
    page: str
    heads: str
    key_length: int
    first_key: Key
    has_total: bool = False


LINK_TABLES = (
    LinkTable(Shows.DEVICE, "sweep_device_links", "page_device_links", "sweep_device_heads", 2, ("", "")),
    LinkTable(Shows.TAXPAYER, "sweep_taxpayer_links", "page_taxpayer_links", "sweep_taxpayer_heads", 1, ("",)),
    LinkTable(Shows.TYPE, "sweep_type_links", "page_type_links", "sweep_type_heads", 1, (-1,)),
    LinkTable(Shows.DAY, "sweep_day_links", "page_day_links", "sweep_day_heads", 1, (-(2**31),), has_total=True),
)

Heads = dict[Shows, dict[Key, StoredHead]]


@attrs.frozen(slots=True)
class Snapshot:
    """The mutable part of the ledger at one moment; all else below ``size`` never changes."""

    tree: TreeState
    leaves: int
    checkpoint_size: int
    heads: Heads
    holes: Mapping[Key, tuple[tuple[int, int], ...]]

    @property
    def size(self) -> int:
        """How far any part of the ledger goes; one that is far off from both others is not believed."""
        _, middle, largest = sorted((self.tree.size, self.leaves, self.checkpoint_size))
        return largest if largest - middle <= FAR_OFF_ENTRIES else middle


def take_snapshot(connection: Connection) -> Snapshot:
    """Read sizes, heads and holes as of one moment."""
    with connection.transaction():
        connection.execute(_SQL["repeatable_read"])
        tree = load_tree_state(connection)
        leaves = _number(connection, "count_leaves_to_newest")
        checkpoint_size = _number(connection, "newest_checkpoint_size")
        heads = {table.shows: _heads(connection, table) for table in LINK_TABLES}
        holes: dict[Key, tuple[tuple[int, int], ...]] = {}
        for requested_by, signed_by, first, last in connection.execute(_SQL["load_holes"]):
            key = (signed_by, requested_by)
            holes[key] = (*holes.get(key, ()), (first, last))
    return Snapshot(tree, leaves, checkpoint_size, heads, holes)


def _number(connection: Connection, query: str) -> int:
    row = connection.execute(_SQL[query]).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _heads(connection: Connection, table: LinkTable) -> dict[Key, StoredHead]:
    width, found = table.key_length, {}
    for row in connection.execute(_SQL[table.heads]):
        seq, link, total, *rest = row[width:]
        found[tuple(row[:width])] = StoredHead(seq, link, total, *rest)
    return found


def read_entries(connection: Connection, start: int, end: int) -> dict[int, EntryRow]:
    """The leaves of a span with their records and bodies, by index; any role that reads the ledger may ask."""
    return _entries(connection, "sweep_entries", start, end)


def read_entries_with_salts(connection: Connection, start: int, end: int) -> dict[int, EntryRow]:
    """The same with what opens commitments to buyers, for those who may see it."""
    return _entries(connection, "sweep_entries_with_salts", start, end)


def may_see_salts(connection: Connection) -> bool:
    """Whether this role may ask for what opens commitments to buyers."""
    row = connection.execute(_SQL["may_see_salts"]).fetchone()
    return row is not None and bool(row[0])


def _entries(connection: Connection, query: str, start: int, end: int) -> dict[int, EntryRow]:
    span = {"start": start, "end": end}
    rows = connection.execute(_SQL[query], span, prepare=True, binary=True).fetchall()
    return {row[0]: EntryRow(*row[1:]) for row in rows}


def read_links(
    connection: Connection, table: LinkTable, wanted: Iterable[tuple[Key, int]]
) -> dict[tuple[Key, int], LinkRow]:
    """The rows of a link table under these keys and numbers."""
    asked = list(wanted)
    keys: list[list[Any]] = [[key[at] for key, _ in asked] for at in range(table.key_length)]
    array = text_array if isinstance(table.first_key[0], str) else int8_array
    parameters = {f"key{at}": ArrayParameter(array(column)) for at, column in enumerate(keys)}
    parameters["seqs"] = ArrayParameter(int8_array(seq for _, seq in asked))
    rows = connection.execute(_SQL[table.by_key], parameters, prepare=True, binary=True).fetchall()
    found = [_link_row(row, table) for row in rows]
    return {(row.key, row.seq): row for row in found}


def page_links(connection: Connection, table: LinkTable) -> Iterator[LinkRow]:
    """All rows of a link table in the order of its key."""
    key, seq = table.first_key, -1
    while True:
        parameters: dict[str, object] = {f"key{at}": part for at, part in enumerate(key)}
        parameters |= {"seq": seq, "limit": PAGE_ROWS}
        rows = connection.execute(_SQL[table.page], parameters, prepare=True, binary=True).fetchall()
        for row in rows:
            yield _link_row(row, table)
        if len(rows) < PAGE_ROWS:
            return
        last = _link_row(rows[-1], table)
        key, seq = last.key, last.seq


def _link_row(row: tuple[Any, ...], table: LinkTable) -> LinkRow:
    return LinkRow(tuple(row[: table.key_length]), *row[table.key_length :])


def read_identities(
    connection: Connection, numbers: Iterable[tuple[str, str, int]], events: Iterable[bytes]
) -> tuple[dict[tuple[str, str, int], IdentityRow], dict[bytes, IdentityRow]]:
    """Identity rows by (signedBy, requestedBy, ordinal), and those of events by their hash."""
    asked = list(numbers)
    parameters = {
        "signed": ArrayParameter(text_array(signed_by for signed_by, _, _ in asked)),
        "requested": ArrayParameter(text_array(requested_by for _, requested_by, _ in asked)),
        "ordinals": ArrayParameter(int8_array(ordinal for _, _, ordinal in asked)),
    }
    documents = {
        (row[0], row[1], row[2]): IdentityRow(*row[3:])
        for row in connection.execute(_SQL["sweep_identity"], parameters, prepare=True, binary=True).fetchall()
    }
    hashes = {"hashes": ArrayParameter(bytea_array(events))}
    found = connection.execute(_SQL["sweep_events"], hashes, prepare=True, binary=True).fetchall()
    return documents, {row[1]: IdentityRow(*row) for row in found}


def page_ordinals(connection: Connection) -> Iterator[tuple[Key, int, int]]:
    """All numbers that are booked, as ((signedBy, requestedBy), ordinal, index), in this order."""
    signed_by, requested_by, ordinal = "", "", -1
    while True:
        parameters = {"signed_by": signed_by, "requested_by": requested_by, "ordinal": ordinal, "limit": PAGE_ROWS}
        rows = connection.execute(_SQL["page_identity"], parameters, prepare=True, binary=True).fetchall()
        for row in rows:
            yield (row[0], row[1]), row[2], row[3]
        if len(rows) < PAGE_ROWS:
            return
        signed_by, requested_by, ordinal, _ = rows[-1]


def read_tiles(connection: Connection, level: int, start: int, end: int) -> dict[int, tuple[bytes, bytes]]:
    """Hashes and roots of the full tiles of a level, by index."""
    span = {"level": level, "start": start, "end": end}
    return {index: (hashes, root) for index, hashes, root in connection.execute(_SQL["sweep_tiles"], span)}


def read_heads_between(
    connection: Connection, start: int, end: int
) -> tuple[dict[int, tuple[int, bytes]], dict[int, bytes]]:
    """For the sizes in (start, end]: batch number and root of ``tree_state``, and the notes of ``checkpoints``."""
    span = {"start": start, "end": end}
    states = {size: (batch, root) for batch, size, root in connection.execute(_SQL["sweep_tree_states"], span)}
    notes = dict(connection.execute(_SQL["sweep_checkpoints"], span).fetchall())
    return states, notes


def count_rows(connection: Connection, end: int) -> dict[str, int]:
    """Rows of each table that an entry below ``end`` must have brought."""
    row = connection.execute(_SQL["sweep_counts"], {"end": end}).fetchone()
    assert row is not None
    names = ("leaves", "records", "bodies", "identity", "device", "taxpayer", "type", "day", "tiles")
    return dict(zip(names, row, strict=True))
