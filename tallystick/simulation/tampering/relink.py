"""An administrator who knows the formats: makes every keyless hash of the tables fit what he has changed.

Only what needs no secret can be made to fit: records and commitments (the salts lie beside them), links, heads, leaves,
tiles and tree states. Who has stolen the checkpoint key signs the heads as well. It holds all rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.authority.ledger.rows import wrap_64
from tallystick.kernel import hashing
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.leaf import NO_LINK, pack_leaf, read_leaf
from tallystick.wire.record import Record, canonical_members, write_record

SignHead = Callable[[int, bytes], bytes]
"""Signs (size, root) and gives the note."""

_TABLES = (
    "leaves", "records", "bodies", "identity", "device_links", "taxpayer_links", "type_links", "day_links", "tiles",
    "tree_state",
)  # fmt: skip
_HEADS = {"taxpayer": "tin", "type": "document_type", "day": "day"}


def relink(dsn: str, sign: SignHead | None = None) -> None:
    """Rebuild all that follows from bodies and records, without the entries that have lost either.

    With ``sign`` every head is signed anew; without it the heads stay what they were.
    """
    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        _Forger(connection, sign).run()


class _Forger:
    def __init__(self, connection: psycopg.Connection[Any], sign: SignHead | None) -> None:
        self._connection = connection
        self._sign = sign
        self._heads: dict[tuple[str, str], tuple[int, bytes, int]] = {}
        self._registered: dict[str, int] = {}
        self._rows: dict[str, list[Sequence[object]]] = {table: [] for table in _TABLES}
        self._notes: list[tuple[int, bytes]] = []
        self._tree = GrowingTree()
        self._salts: dict[str, bytes] = dict(connection.execute("SELECT tin, salt FROM ledger.taxpayer_heads"))

    def run(self) -> None:
        run = self._connection.execute
        kept = run(
            "SELECT l.leaf, l.month, l.tin, r.salt, r.record, b.media_type, b.body FROM ledger.leaves l "
            "JOIN ledger.records r USING (month, tin, log_index) JOIN ledger.bodies b USING (month, tin, log_index) "
            "ORDER BY l.log_index"
        ).fetchall()
        states = run(
            "SELECT batch, tree_size, epoch, closed_at_ms, total_bytes, waits FROM ledger.tree_state ORDER BY batch"
        ).fetchall()
        for table in _TABLES:
            run(sql.SQL("DELETE FROM ledger.{}").format(sql.Identifier(table)))
        ends = {
            min(size, len(kept)): (epoch, closed, stored, waits) for _, size, epoch, closed, stored, waits in states
        }
        first = states[0][0] if states else 1
        for index, row in enumerate(kept):
            self._entry(index, *row)
            if index + 1 in ends:
                self._close(first + len(self._rows["tree_state"]), index + 1, *ends[index + 1])
        for table, rows in self._rows.items():
            self._write(table, rows)
        self._write_heads()
        if self._sign is not None:
            run("DELETE FROM ledger.checkpoints")
            self._write("checkpoints", self._notes)

    def _write(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        statement = sql.SQL("COPY ledger.{} FROM STDIN").format(sql.Identifier(table))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def _close(self, batch: int, size: int, epoch: int, closed: int, stored: int, waits: bytes) -> None:
        frontier = self._tree.frontier
        values = (batch, size, frontier.root(), frontier.right_edge, epoch, closed, stored, waits)
        self._rows["tree_state"].append(values)
        if self._sign is not None:
            self._notes.append((size, self._sign(size, frontier.root())))

    def _entry(
        self, index: int, leaf: bytes, month: int, tin: str, salt: bytes, record: bytes, media_type: str, body: bytes
    ) -> None:
        said, was = msgspec.json.decode(record, type=Record), read_leaf(leaf)
        body_hash = sha256(body)
        links = {"type": self._link("type", said.type, body_hash, int(said.day_amount or 0))}
        changed: dict[str, Any] = {"body_hash": body_hash.hex(), "type_seq": str(links["type"][0])}
        if said.kind == "1":
            amount = int(said.day_amount)
            changed["device_prev"] = self._heads[("device", said.device)][1].hex()
            links["device"] = self._link("device", said.device, body_hash, amount)
            links["taxpayer"] = self._link("taxpayer", said.taxpayer, body_hash, amount)
            links["day"] = self._link("day", said.day, body_hash, amount)
            changed |= {f"{name}_seq": str(link[0]) for name, link in links.items()}
        facts, taxes = canonical_members(said.facts), canonical_members(said.tax_totals)
        record = write_record(msgspec.structs.replace(said, **changed, facts=facts, tax_totals=taxes))
        parts = [links[name][1] if name in links else NO_LINK for name in ("device", "taxpayer", "type", "day")]
        commitment = hashing.record_commitment(salt, record)
        received, flags = int(said.received_at), int(said.leaf_flags or 0)
        leaf = pack_leaf(was.kind, was.channel, flags, received, commitment, *parts)
        self._store(index, month, tin, salt, record, media_type, body, leaf, said, body_hash)
        for name, (seq, link, total) in links.items():
            self._store_link(name, said, seq, body_hash, link, total, index)
        for tile in self._tree.append(leaf_hash(leaf)):
            self._rows["tiles"].append((tile.level, tile.index, tile.hashes, tile.root))
        if said.kind == "3" and said.device and ("device", said.device) not in self._heads:
            certificate = bytes.fromhex(said.certificate_hash)
            genesis = hashing.device_genesis(said.device, certificate, leaf_hash(leaf))
            self._heads[("device", said.device)] = (0, genesis, 0)
            self._registered[said.device] = index

    def _link(self, name: str, key: str, body_hash: bytes, amount: int) -> tuple[int, bytes, int]:
        seq, link, total = self._heads.get((name, key)) or (0, self._genesis(name, key), 0)
        seq, total = seq + 1, total + amount
        if name == "device":
            link = hashing.device_link(link, seq, body_hash)
        elif name == "taxpayer":
            link = hashing.taxpayer_link(link, seq, body_hash)
        elif name == "type":
            link = hashing.type_link(link, int(key), seq, body_hash)
        else:
            link = hashing.day_link(link, int(key), seq, body_hash, total)
        self._heads[(name, key)] = (seq, link, total)
        return seq, link, total

    def _genesis(self, name: str, key: str) -> bytes:
        if name == "taxpayer":
            return hashing.taxpayer_genesis(self._salts.setdefault(key, bytes(32)), key)
        return hashing.type_genesis(int(key)) if name == "type" else hashing.day_genesis(int(key))

    def _store(
        self,
        index: int,
        month: int,
        tin: str,
        salt: bytes,
        record: bytes,
        media_type: str,
        body: bytes,
        leaf: bytes,
        said: Record,
        body_hash: bytes,
    ) -> None:
        requested_by, signed_by, ordinal, rows = "", "", 0, self._rows
        if said.kind == "1":
            requested_by, _, signed_by = said.device.partition("-")
            ordinal = int(said.se_total)
        act = bytes.fromhex(said.act_hash) if said.kind == "1" else body_hash
        rows["leaves"].append((index, leaf, month, tin))
        rows["records"].append((month, tin, index, salt, record))
        rows["bodies"].append((month, tin, index, media_type, body))
        identity = (signed_by, ordinal, requested_by, act, body_hash, index, month, tin, int(said.verdict))
        rows["identity"].append(identity)

    def _store_link(
        self, name: str, said: Record, seq: int, body_hash: bytes, link: bytes, total: int, index: int
    ) -> None:
        if name == "device":
            requested_by, _, signed_by = said.device.partition("-")
            self._rows["device_links"].append((signed_by, requested_by, seq, body_hash, link, index))
        elif name == "day":
            self._rows["day_links"].append((int(said.day), seq, body_hash, wrap_64(total), link, index))
        else:
            key: object = said.taxpayer if name == "taxpayer" else int(said.type)
            self._rows[f"{name}_links"].append((key, seq, body_hash, link, index))

    def _write_heads(self) -> None:
        run = self._connection.execute
        devices = [key for name, key in self._heads if name == "device"]
        run("DELETE FROM ledger.device_heads WHERE NOT requested_by || '-' || signed_by = ANY(%s)", [devices])
        for name, column in _HEADS.items():
            kept = [key for one, key in self._heads if one == name]
            statement = sql.SQL("DELETE FROM ledger.{} WHERE NOT {}::text = ANY(%s)")
            run(statement.format(sql.Identifier(f"{name}_heads"), sql.Identifier(column)), [kept])
        for (name, key), (seq, link, total) in self._heads.items():
            if name == "device":
                self._write_device(key, seq, link, total)
            else:
                self._write_head(name, key, seq, link, total)
        self._write_holes()

    def _write_head(self, name: str, key: str, seq: int, link: bytes, total: int) -> None:
        columns = [_HEADS[name], "seq", "link", "total"]
        values: list[object] = [key if name == "taxpayer" else int(key), seq, link, total]
        if name == "taxpayer":
            columns.append("salt")
            values.append(self._salts[key])
        statement = sql.SQL("INSERT INTO ledger.{table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE "
                            "SET seq = excluded.seq, link = excluded.link, total = excluded.total").format(
            table=sql.Identifier(f"{name}_heads"),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            places=sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
            key=sql.Identifier(_HEADS[name]),
        )  # fmt: skip
        self._connection.execute(statement, values)

    def _write_device(self, key: str, seq: int, link: bytes, total: int) -> None:
        requested_by, _, signed_by = key.partition("-")
        device = (signed_by, requested_by)
        self._connection.execute(
            "UPDATE ledger.device_heads SET seq = %s, link = %s, total = %s, registration_index = %s, highest_ordinal ="
            " coalesce((SELECT max(se_total) FROM ledger.identity i WHERE (i.signed_by, i.requested_by) = (%s, %s)), 0)"
            " WHERE (signed_by, requested_by) = (%s, %s)",
            (seq, link, total, self._registered[key], *device, *device),
        )

    def _write_holes(self) -> None:
        run = self._connection.execute
        run("DELETE FROM ledger.holes")
        run(
            "WITH gap AS (SELECT signed_by, requested_by, se_total, coalesce(lag(se_total) OVER w, 0) AS before "
            "FROM ledger.identity WHERE signed_by <> '' WINDOW w AS (PARTITION BY signed_by, requested_by ORDER BY "
            "se_total)) INSERT INTO ledger.holes SELECT signed_by, requested_by, se_total - 1, before + 1 FROM gap "
            "WHERE se_total > before + 1"
        )
        run(
            "UPDATE ledger.device_heads d SET missing = coalesce((SELECT sum(last_ordinal - first_ordinal + 1) FROM "
            "ledger.holes h WHERE h.signed_by = d.signed_by AND h.requested_by = d.requested_by), 0)"
        )
