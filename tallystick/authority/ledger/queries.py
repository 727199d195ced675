"""What may be asked of the ledger. Sync, on any connection that may read; every answer is a value.

Nothing here grows in cost with the ledger: each question goes by a key, or reads a bounded end of a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.sequences import Device
from tallystick.authority.ledger.tree import TreeReader
from tallystick.authority.ledger.waits import add_waits, percentile_ms
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.kernel.merkle import consistency_path, inclusion_path, root_at
from tallystick.kit.named_sql import load_queries
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import Record, read_record
from tallystick.wire.signed_note import Checkpoint, SignedNote, parse_note
from tallystick.wire.tiles import TILE_HEIGHT, TILE_WIDTH, Tile
from tallystick.wire.tlog_proof import TlogProof

Connection = psycopg.Connection[Any]

RATE_WINDOW_MS = 60_000
_RECENT_BATCHES_MAX = 4_096
_DAY_PAGE = 2_000
_SQL = load_queries("tallystick.authority.ledger")


@attrs.frozen(slots=True, kw_only=True)
class LedgerDocument:
    """One booked entry. ``acked`` is the gate: without it nobody outside may be told that the document is booked.

    ``body``, ``record`` and ``salt`` are empty where the law had them erased.
    """

    index: int
    verdict: int
    act_hash: bytes
    body_hash: bytes
    media_type: str
    body: bytes
    salt: bytes
    record: bytes
    leaf: bytes
    acked: bool

    @property
    def facts(self) -> Record:
        """The record as a value; raises ``TS-1220`` when it is erased or damaged."""
        return read_record(self.record)

    @property
    def flags(self) -> tuple[str, ...]:
        """Codes that the booking carries."""
        return tuple(self.facts.flags)


@attrs.frozen(slots=True)
class DeviceStanding:
    """A device's sequence: documents booked, highest ordinal, how many below it lack, total (amount x 10000)."""

    documents: int
    highest_ordinal: int
    missing: int
    total: int
    registration_index: int


@attrs.frozen(slots=True)
class DeviceDocument:
    """A document in its device's sequence; body and record are empty where the law had them erased."""

    seq: int
    link: bytes
    body: bytes
    record: bytes


@attrs.frozen(slots=True, kw_only=True)
class LedgerOverview:
    """The ledger in figures; rate and waits (receipt to commit) are those of the last minute."""

    size: int
    bytes: int
    documents_per_second: float
    newest_at: datetime | None
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    wait_p99_ms: float | None


def acked_size(connection: Connection) -> int:
    """The acknowledgement gate for readers: entries below this index are committed, confirmed, mirrored and signed."""
    row = connection.execute(_SQL["acked_size"]).fetchone()
    return int(row[0]) if row else 0


def document_by_number(
    connection: Connection, requested_by: str, signed_by: str, ordinal: int
) -> LedgerDocument | None:
    """The document of a number, or None."""
    number = {"requested_by": requested_by, "signed_by": signed_by, "ordinal": ordinal}
    row = connection.execute(_SQL["document_by_number"], number).fetchone()
    if row is None:
        return None
    index, verdict, act_hash, body_hash, media_type, body, salt, record, leaf, acked = row
    return LedgerDocument(
        index=index,
        verdict=verdict,
        act_hash=act_hash,
        body_hash=body_hash,
        media_type=media_type or "",
        body=body or b"",
        salt=salt or b"",
        record=record or b"",
        leaf=leaf,
        acked=acked,
    )


def document_by_index(connection: Connection, index: int) -> LedgerDocument | None:
    """The entry at an index of the log, of any kind, or None."""
    row = connection.execute(_SQL["document_by_index"], {"log_index": index}).fetchone()
    if row is None:
        return None
    log_index, media_type, body, salt, record, leaf, acked = row
    facts = read_record(record) if record else None
    return LedgerDocument(
        index=log_index,
        verdict=int(facts.verdict) if facts else 0,
        act_hash=bytes.fromhex(facts.act_hash) if facts else b"",
        body_hash=bytes.fromhex(facts.body_hash) if facts else b"",
        media_type=media_type or "",
        body=body or b"",
        salt=salt or b"",
        record=record or b"",
        leaf=leaf,
        acked=acked,
    )


def first_index_beyond(connection: Connection, signed_by: str, ordinal: int) -> int | None:
    """The earliest entry of a document of this signer with a higher ordinal; none where none was booked."""
    row = connection.execute(_SQL["first_index_beyond"], {"signed_by": signed_by, "ordinal": ordinal}).fetchone()
    return row[0] if row else None


def device_standing(connection: Connection, device: Device) -> DeviceStanding | None:
    """Where a device (requestedBy, signedBy) stands; None for one that is not registered in the ledger."""
    row = connection.execute(_SQL["device_standing"], _named(device)).fetchone()
    return DeviceStanding(*row) if row else None


def device_head(connection: Connection, device: Device) -> tuple[int, bytes] | None:
    """Length and last link of a device's sequence; none for one that is not registered in the ledger."""
    row = connection.execute(_SQL["device_head"], _named(device)).fetchone()
    return (row[0], row[1]) if row else None


def device_documents(connection: Connection, device: Device, up_to: int, limit: int) -> list[DeviceDocument]:
    """The last ``limit`` documents of a device up to a place of its sequence, the newest first."""
    span = _named(device) | {"up_to": up_to, "limit": limit}
    rows = connection.execute(_SQL["device_documents"], span)
    return [DeviceDocument(seq, link, body or b"", record or b"") for seq, link, body, record in rows]


def highest_ordinal(connection: Connection, device: Device) -> int:
    """The highest ordinal of a device that has arrived; 0 when none has."""
    standing = device_standing(connection, device)
    return standing.highest_ordinal if standing else 0


def missing_ordinals(connection: Connection, device: Device, up_to: int, limit: int = 100) -> list[tuple[int, int]]:
    """Ranges (first, last) of ordinals from 1 to ``up_to`` that have not arrived; at most ``limit`` ranges."""
    highest = highest_ordinal(connection, device)
    parameters = _named(device) | {"limit": limit}
    ranges = [
        (first, min(last, up_to))
        for first, last in connection.execute(_SQL["missing_ordinals"], parameters)
        if first <= up_to
    ]
    if highest < up_to and len(ranges) < limit:
        ranges.append((highest + 1, up_to))
    return ranges


def _named(device: Device) -> dict[str, object]:
    return {"requested_by": device[0], "signed_by": device[1]}


def first_received_ms(connection: Connection) -> int | None:
    """When the ledger's first entry came, Unix ms; none while it is empty."""
    row = connection.execute(_SQL["leaves_between"], {"start": 0, "end": 1}).fetchone()
    return read_leaf(row[0]).received_ms if row else None


def day_lengths(connection: Connection) -> dict[int, int]:
    """How many documents each day has, by days since 1970."""
    return {day: seq for day, seq, _, _ in connection.execute(_SQL["load_day_heads"])}


def day_length(connection: Connection, day: int) -> int:
    """How many documents a day has."""
    row = connection.execute(_SQL["day_length"], {"day": day}).fetchone()
    return int(row[0]) if row else 0


def day_page(connection: Connection, day: int, after: int, last_seq: int) -> list[tuple[int, Record, bytes]]:
    """Number, record and link of a day's next documents behind number ``after``, in order, up to ``last_seq``.

    Empty at the end. Raises ``LookupError`` where a record is erased or lacks, ``TS-1220`` where one is damaged.
    """
    span = {"day": day, "after": after, "last": last_seq, "limit": _DAY_PAGE}
    found = []
    for seq, link, record in connection.execute(_SQL["day_entries"], span):
        if record is None:
            raise LookupError(f"document {seq} of day {day} has no record")
        found.append((seq, read_record(record), link))
    return found


def newest_checkpoint(connection: Connection) -> bytes:
    """The newest signed checkpoint as a note; empty bytes while there is none."""
    row = connection.execute(_SQL["newest_checkpoint"]).fetchone()
    return row[0] if row else b""


def checkpoint_of(connection: Connection, size: int) -> bytes:
    """The signed checkpoint of exactly this size; empty bytes where none was signed."""
    row = connection.execute(_SQL["checkpoint_of"], {"tree_size": size}).fetchone()
    return row[0] if row else b""


def head_up_to(connection: Connection, size: int | None) -> tuple[int, bytes]:
    """The largest signed head of at most ``size`` entries, or of all; 0 and nothing where there is none."""
    span = {"start": 0, "end": 2**62 if size is None else size}
    row = connection.execute(_SQL["export_head"], span).fetchone()
    return (row[0], row[1]) if row else (0, b"")


def root_of(connection: Connection, size: int) -> bytes:
    """The root of the first ``size`` entries, from the tiles; raises ``LookupError`` when rows of them lack."""
    return root_at(size, TreeReader(connection, size).hash_at)


def tile_content(connection: Connection, tile: Tile) -> bytes | None:
    """A tile or bundle from the tables, none where the log has not published it.

    A full one exists as soon as its entries are behind the gate, a partial one for the sizes that have a checkpoint.
    """
    unit = 1 << (TILE_HEIGHT * max(tile.level, 0))
    size = (tile.index * TILE_WIDTH + tile.width) * unit
    if size > acked_size(connection):
        return None
    if tile.is_partial:
        row = connection.execute(_SQL["checkpoint_between"], {"start": size, "end": size + unit}).fetchone()
        if row is None:
            return None
    return TreeReader(connection, size).content(tile)


def inclusion_proof(connection: Connection, index: int, size: int) -> list[bytes]:
    """The hashes that lead from the leaf at ``index`` to the root of ``size`` entries (RFC 6962 section 2.1.1).

    ``ValueError`` unless ``index < size``; ``LookupError`` when the ledger is smaller or rows of it lack.
    """
    return _path(TreeReader(connection, size), index, size)


def _path(reader: TreeReader, index: int, size: int) -> list[bytes]:
    reader.fetch_way(index)
    return inclusion_path(index, size, reader.hash_at)


def consistency_proof(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """The hashes that show the tree of ``new_size`` to extend that of ``old_size`` (RFC 6962 section 2.1.2)."""
    return consistency_path(old_size, new_size, TreeReader(connection, new_size).hash_at)


def tlog_proof(connection: Connection, index: int, checkpoint: SignedNote | None = None, *, size: int = 0) -> TlogProof:
    """The proof file of an entry against a checkpoint of ``size`` entries, or against the newest one.

    Raises ``LookupError`` when no checkpoint covers the entry yet.
    """
    if checkpoint is None:
        row = connection.execute(_SQL["newest_head"], prepare=True).fetchone()
        size, note, edge = row or (0, b"", b"")
        if index >= size:
            raise LookupError(f"no checkpoint covers entry {index} yet")
        checkpoint = parse_note(note)
    else:
        row = connection.execute(_SQL["right_edge_of"], {"tree_size": size}, prepare=True).fetchone()
        edge = row[0] if row else b""
    return TlogProof(index, tuple(_path(TreeReader(connection, size, edge or b""), index, size)), checkpoint)


def overview(connection: Connection, now: datetime) -> LedgerOverview:
    """The figures of the operator's page at ``now``."""
    now_ms = unix_ms(now)
    rows = connection.execute(_SQL["recent_batches"], {"limit": _RECENT_BATCHES_MAX}).fetchall()
    recent = [row for row in rows if row[2] > now_ms - RATE_WINDOW_MS]
    older = rows[len(recent)] if len(recent) < len(rows) else None
    size, stored, newest_ms = (rows[0][0], rows[0][1], rows[0][2]) if rows else (0, 0, None)
    before = older[0] if older else (recent[-1][0] if len(rows) == _RECENT_BATCHES_MAX else 0)
    since_ms = RATE_WINDOW_MS if older or len(rows) < _RECENT_BATCHES_MAX else max(1, now_ms - recent[-1][2])
    waits = add_waits(row[3] for row in recent)
    return LedgerOverview(
        size=size,
        bytes=stored,
        documents_per_second=(size - before) * 1000 / since_ms if recent else 0.0,
        newest_at=from_unix_ms(newest_ms) if newest_ms is not None else None,
        wait_p50_ms=percentile_ms(waits, 0.50),
        wait_p95_ms=percentile_ms(waits, 0.95),
        wait_p99_ms=percentile_ms(waits, 0.99),
    )


def count_missing(connection: Connection) -> tuple[int, int]:
    """Over all devices: ordinals that lack below the highest ones, and the number of devices. Reads every head."""
    row = connection.execute(_SQL["count_missing"]).fetchone()
    assert row is not None
    return row[0], row[1]


def head_digests(connection: Connection, origin: str, first_ms: int, last_ms: int) -> Iterator[bytes]:
    """SHA-256 of the checkpoint text of every tree head committed in a span (Unix ms): what may have been signed.

    The head before the span is among them: a new tenure signs it again.
    """
    span = {"first_ms": first_ms, "last_ms": last_ms}
    for size, root in connection.execute(_SQL["heads_between"], span):
        yield sha256(Checkpoint(origin, size, root).text.encode())


def erasure_orders(connection: Connection) -> list[tuple[int, bytes]]:
    """Every order of erasure in the ledger: its index and its body (`wire.erasure`), oldest first."""
    return connection.execute(_SQL["erasure_orders"], {"kind": int(EntryKind.ERASURE)}).fetchall()
