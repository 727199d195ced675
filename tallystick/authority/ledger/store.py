"""The sequencer's hand on the database: lease, one transaction a batch, heads at take-over. Blocking.

Copies go through libpq directly: one message opens the transaction, reads the lease and starts all copies, so a batch
costs three round trips and the rows are never taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from tallystick.authority.ledger.binary import (
    bytea_array,
    int2_array,
    int4_array,
    int8,
    int8_array,
    positional,
    text_array,
)
from tallystick.authority.ledger.booking import Batch, KnownAct
from tallystick.authority.ledger.copying import copy_all
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.authority.ledger.rows import TABLES, wrap_64
from tallystick.authority.ledger.sequences import DeviceHead, Head, LedgerState, State, hole_changes
from tallystick.authority.ledger.waits import pack_waits
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash
from tallystick.kit.named_sql import load_queries
from tallystick.wire.tiles import TILE_HEIGHT, TILE_WIDTH, full_tiles, partial_width

Connection = psycopg.Connection[Any]

WRITER_LOCK = 0x7A11_1ED6
_SQL = load_queries("tallystick.authority.ledger")
_OPEN = b"BEGIN; " + _SQL["hold_lease"].encode()
_CLOSE, _CLOSE_PARAMETERS = positional(_SQL["close_batch"])
_COPY = {
    table: f"COPY ledger.{table} ({columns}) FROM STDIN (FORMAT binary)".encode() for table, columns in TABLES.items()
}


class LeaseLost(Exception):
    """Another sequencer has taken over: this one must not write any more."""


class NotConfirmed(Exception):
    """A commit returned, but its second copy is in doubt: as good as a lost connection."""


class WriterConnection:
    """One connection of the sequencer, in autocommit; transactions are opened and closed by its own hand."""

    def __init__(self, dsn: str) -> None:
        self.raw: Connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=2, connect_timeout=5)
        self._notices: list[str] = []
        self._prepared = False
        self.raw.add_notice_handler(lambda notice: self._notices.append(str(notice.message_primary)))

    def close(self) -> None:
        """Close it; what was not committed is undone by the server."""
        self.raw.close()

    @property
    def broken(self) -> bool:
        """Whether the server is gone."""
        return self.raw.closed

    def in_recovery(self) -> bool:
        """Whether the server is a standby, or still on its way up."""
        return bool(_one(self.raw, "is_in_recovery"))

    def try_lock(self) -> bool:
        """Take the lock that a living sequencer holds; False when another one lives."""
        return bool(_one(self.raw, "try_writer_lock", number=WRITER_LOCK))

    def raise_epoch(self, holder: str, now_ms: int) -> int:
        """Take the lease over: waits for a batch in work, and fences whoever held it."""
        return int(_one(self.raw, "raise_epoch", holder=holder, now_ms=now_ms))

    def ensure_months(self, months: Iterable[int]) -> None:
        """Make the partitions for these months where they are missing."""
        for month in months:
            self.raw.execute(_SQL["ensure_month"], {"month": month})

    def find_known(
        self, documents: Sequence[NewEntry], events: Sequence[bytes]
    ) -> dict[tuple[str, int], list[KnownAct]]:
        """Booked acts under the numbers of the documents, and booked events with these body hashes."""
        found: dict[tuple[str, int], list[KnownAct]] = {}
        parameters = {
            "signed": [entry.device[1] for entry in documents],
            "ordinals": [entry.se_total for entry in documents],
            "events": list(events),
        }
        for signed_by, ordinal, *act in self.raw.execute(_SQL["find_known"], parameters, prepare=True):
            found.setdefault((signed_by, ordinal), []).append(KnownAct(*act))
        return found

    def hold_lease(self, epoch: int) -> None:
        """Open the transaction and hold the lease until its end; raises ``LeaseLost`` when it is another's."""
        self._notices.clear()
        result = self.raw.pgconn.exec_(_OPEN)
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
        held = int(result.get_value(0, 0) or b"-1")
        if held != epoch:
            self.rollback()
            raise LeaseLost(f"the lease has epoch {held}, this sequencer {epoch}")

    def copy_rows(self, batch: Batch) -> None:
        """Copy the batch's rows into the append-only tables; raises ``psycopg.Error``."""
        copy_all(self.raw.pgconn, [(_COPY[table], data) for table, data in batch.rows.copies()])

    def close_batch(self, batch: Batch, epoch: int, now_ms: int, checkpoints: Sequence[tuple[int, bytes]]) -> None:
        """Write heads, holes, tiles and the tree's new state, and the checkpoints that were signed since."""
        pgconn, parameters = self.raw.pgconn, _closing(batch, epoch, now_ms, checkpoints)
        if not self._prepared:
            _succeed(pgconn.prepare(b"close_batch", _CLOSE))
            self._prepared = True
        values = [parameters[name] for name in _CLOSE_PARAMETERS]
        _succeed(pgconn.exec_prepared(b"close_batch", values, [1] * len(values)))

    def commit(self) -> None:
        """Commit, and believe it only without any warning; raises ``NotConfirmed`` otherwise."""
        tag = self.raw.pgconn.exec_(b"COMMIT")
        _succeed(tag)
        if tag.command_status != b"COMMIT":
            raise psycopg.DatabaseError("the transaction had failed before its commit")
        if self._notices:
            raise NotConfirmed("; ".join(self._notices))

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        self.raw.pgconn.exec_(b"ROLLBACK")

    def store_checkpoint(self, tree_size: int, note: bytes, epoch: int) -> None:
        """Store a checkpoint on its own, when no batch comes to take it along."""
        self.raw.execute(_SQL["store_checkpoint"], {"tree_size": tree_size, "note": note, "epoch": epoch}, prepare=True)


def _succeed(result: PGresult) -> None:
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")


def candidates(state: State, entries: Iterable[NewEntry]) -> tuple[list[NewEntry], list[bytes]]:
    """Which documents may be booked already, and the body hashes of all that would be events."""
    documents: list[NewEntry] = []
    events: list[bytes] = []
    for entry in entries:
        if entry.kind != EntryKind.DOCUMENT:
            events.append(sha256(entry.body))
            continue
        head = state.devices.get(entry.device)
        if head is not None and not _surely_new(state, head, entry.se_total):
            documents.append(entry)
            events.append(sha256(entry.body))
    return documents, events


def _surely_new(state: State, head: DeviceHead, ordinal: int) -> bool:
    partners = state.partners[head.signed_by]
    return all(state.devices[partner, head.signed_by].lacks(ordinal) for partner in partners)


def _closing(batch: Batch, epoch: int, now_ms: int, checkpoints: Sequence[tuple[int, bytes]]) -> dict[str, bytes]:
    overlay, state = batch.overlay, batch.state
    devices, taxpayers = overlay.devices.values(), overlay.taxpayers.values()
    holes = [(head, last, first) for head in devices for last, first in _hole_changes(state, head).items()]
    types, days = overlay.types, overlay.days
    return {
        "d_signed": text_array(head.signed_by for head in devices),
        "d_requested": text_array(head.requested_by for head in devices),
        "d_tin": text_array(head.tin for head in devices),
        "d_seq": int8_array(head.seq for head in devices),
        "d_link": bytea_array(head.link for head in devices),
        "d_highest": int8_array(head.highest for head in devices),
        "d_missing": int8_array(head.missing for head in devices),
        "d_total": int8_array(wrap_64(head.total) for head in devices),
        "d_certificate": bytea_array(head.certificate_hash for head in devices),
        "d_registration": int8_array(head.registration_index for head in devices),
        "h_signed": text_array(head.signed_by for head, _, _ in holes),
        "h_requested": text_array(head.requested_by for head, _, _ in holes),
        "h_last": int8_array(last for _, last, _ in holes),
        "h_first": int8_array(first for _, _, first in holes),
        "t_tin": text_array(overlay.taxpayers),
        "t_seq": int8_array(head.seq for head in taxpayers),
        "t_link": bytea_array(head.link for head in taxpayers),
        "t_total": int8_array(wrap_64(head.total) for head in taxpayers),
        "t_salt": bytea_array(head.salt for head in taxpayers),
        "y_type": int4_array(types),
        "y_seq": int8_array(head.seq for head in types.values()),
        "y_link": bytea_array(head.link for head in types.values()),
        "y_total": int8_array(wrap_64(head.total) for head in types.values()),
        "z_day": int4_array(days),
        "z_seq": int8_array(head.seq for head in days.values()),
        "z_link": bytea_array(head.link for head in days.values()),
        "z_total": int8_array(wrap_64(head.total) for head in days.values()),
        "m_level": int2_array(tile.level for tile in batch.tiles),
        "m_index": int8_array(tile.index for tile in batch.tiles),
        "m_hashes": bytea_array(tile.hashes for tile in batch.tiles),
        "m_root": bytea_array(tile.root for tile in batch.tiles),
        "c_size": int8_array(size for size, _ in checkpoints),
        "c_note": bytea_array(note for _, note in checkpoints),
        "batch": int8(batch.number),
        "tree_size": int8(batch.tree.size),
        "root": batch.root,
        "right_edge": batch.tree.frontier.right_edge,
        "epoch": int8(epoch),
        "closed_at_ms": int8(now_ms),
        "total_bytes": int8(batch.bytes_before + batch.bytes),
        "waits": pack_waits(max(0, now_ms - received) for received in batch.waits_from_ms),
    }


def _hole_changes(state: State, head: DeviceHead) -> dict[int, int]:
    booked = state.devices.get((head.requested_by, head.signed_by))
    before = booked.holes if booked else ()
    return hole_changes(before, head.holes) if before is not head.holes else {}


def _one(connection: Connection, query: str, **parameters: object) -> Any:
    row = connection.execute(_SQL[query], parameters, prepare=True).fetchone()
    assert row is not None, f"{query} always gives a row"
    return row[0]


@attrs.frozen(slots=True)
class TreeState:
    """The newest row of ``tree_state``; before the first batch, that of an empty tree."""

    batch: int = 0
    size: int = 0
    root: bytes = EMPTY_ROOT
    right_edge: bytes = b""
    epoch: int = 0
    total_bytes: int = 0
    closed_at_ms: int = 0


def load_tree_state(connection: Connection) -> TreeState:
    """The state of the tree that was committed last."""
    row = connection.execute(_SQL["load_tree_state"]).fetchone()
    return TreeState(*row) if row else TreeState()


def load_tree(connection: Connection, size: int) -> GrowingTree:
    """The tree's right edge, computed anew from leaves and full tiles; ``ValueError`` when some of them lack."""
    tree = GrowingTree(Frontier(), [])
    level = 0
    while level == 0 or size >> (TILE_HEIGHT * level):
        tree.edge.append(_edge_hashes(connection, level, size))
        level += 1
    tree.frontier = Frontier.restore(size, fold_edge(tree.edge, size))
    return tree


def _edge_hashes(connection: Connection, level: int, size: int) -> list[bytes]:
    """The hashes of the partial tile at a level: leaf hashes, or the roots of the full tiles below it."""
    width, first = partial_width(level, size), full_tiles(level, size) * TILE_WIDTH
    span = {"start": first, "end": first + width}
    if level == 0:
        hashes = [leaf_hash(leaf) for (leaf,) in connection.execute(_SQL["leaves_between"], span)]
    else:
        hashes = [root for (root,) in connection.execute(_SQL["tile_roots_between"], span | {"level": level - 1})]
    if len(hashes) != width:
        raise ValueError(f"level {level} of the tree has {len(hashes)} of {width} hashes at its edge")
    return hashes


def fold_edge(edge: Sequence[Sequence[bytes]], size: int) -> bytes:
    """The perfect nodes of a tree, largest first, from the partial tiles of all levels."""
    nodes: list[bytes] = []
    for hashes in edge:
        start = len(hashes)
        for height in range(TILE_HEIGHT):
            if start >> height & 1:
                start -= 1 << height
                nodes.append(_perfect(hashes[start : start + (1 << height)]))
    assert len(nodes) == size.bit_count()
    return b"".join(reversed(nodes))


def _perfect(hashes: Sequence[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def load_state(connection: Connection, tree: GrowingTree, newest: TreeState) -> LedgerState:
    """All heads as they were committed last."""
    state = LedgerState(tree=tree, batch=newest.batch, total_bytes=newest.total_bytes)
    holes: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for requested_by, signed_by, first, last in connection.execute(_SQL["load_holes"]):
        holes.setdefault((requested_by, signed_by), []).append((first, last))
    for row in connection.execute(_SQL["load_device_heads"]):
        requested_by, signed_by, tin, link, certificate, registration, seq, total, highest = row
        lacking = tuple(holes.get((requested_by, signed_by), ()))
        state.add_device(
            DeviceHead(requested_by, signed_by, tin, link, certificate, registration, seq, total, highest, lacking)
        )
    for tin, seq, link, total, salt in connection.execute(_SQL["load_taxpayer_heads"]):
        state.taxpayers[tin] = Head(seq, link, total, salt)
    for kind, seq, link, total in connection.execute(_SQL["load_type_heads"]):
        state.types[kind] = Head(seq, link, total)
    for day, seq, link, total in connection.execute(_SQL["load_day_heads"]):
        state.days[day] = Head(seq, link, total)
    return state
