"""An administrator who knows the formats: makes every keyless hash of the tables fit what he has changed.

Only what needs no secret can be made to fit: records and commitments (the salts lie beside them), links, heads, leaves,
tiles and tree states. The signatures of the heads he cannot make, nor reach mirror and published checkpoint.
"""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.authority.ledger.rows import wrap_64
from tallystick.kernel import hashing
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.leaf import NO_LINK, pack_leaf, read_leaf
from tallystick.wire.record import Record, canonical_members, write_record


def relink(dsn: str) -> None:
    """Rebuild all that follows from bodies and records, without the entries that have lost either."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SET session_replication_role = replica")
        _Forger(connection).run()


class _Forger:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._heads: dict[tuple[str, ...], tuple[int, bytes, int]] = {}
        self._tree = GrowingTree()
        self._salts: dict[str, bytes] = dict(connection.execute("SELECT tin, salt FROM ledger.taxpayer_heads"))

    def run(self) -> None:
        run = self._connection.execute
        kept = run(
            "SELECT l.leaf, l.month, l.tin, r.salt, r.record, b.media_type, b.body FROM ledger.leaves l "
            "JOIN ledger.records r USING (month, tin, log_index) JOIN ledger.bodies b USING (month, tin, log_index) "
            "ORDER BY l.log_index"
        ).fetchall()
        states = run("SELECT batch, tree_size, epoch, closed_at_ms, total_bytes, waits FROM ledger.tree_state "
                     "ORDER BY batch").fetchall()  # fmt: skip
        for table in ("leaves", "records", "bodies", "identity", "device_links", "taxpayer_links", "type_links",
                      "day_links", "tiles", "tree_state"):  # fmt: skip
            run(f"DELETE FROM ledger.{table}".encode())
        ends = {min(size, len(kept)): rest for rest in states for size in [rest[1]]}
        for index, row in enumerate(kept):
            self._entry(index, *row)
            if index + 1 in ends:
                batch, _, epoch, closed, stored, waits = ends[index + 1]
                frontier = self._tree.frontier
                values = (batch, index + 1, frontier.root(), frontier.right_edge, epoch, closed, stored, waits)
                run("INSERT INTO ledger.tree_state VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", values)
        self._write_heads()

    def _entry(
        self, index: int, leaf: bytes, month: int, tin: str, salt: bytes, record: bytes, media_type: str, body: bytes
    ) -> None:
        run, said, was = self._connection.execute, msgspec.json.decode(record, type=Record), read_leaf(leaf)
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
        leaf = pack_leaf(was.kind, was.channel, was.flags, was.received_ms, commitment, *parts)
        self._store(index, month, tin, salt, record, media_type, body, leaf, said, body_hash)
        for name, (seq, link, total) in links.items():
            self._store_link(name, said, seq, body_hash, link, total, index)
        for tile in self._tree.append(leaf_hash(leaf)):
            values = (tile.level, tile.index, tile.hashes, tile.root)
            run("INSERT INTO ledger.tiles VALUES (%s, %s, %s, %s)", values)
        if said.kind == "3" and said.device and ("device", said.device) not in self._heads:
            certificate = bytes.fromhex(said.certificate_hash)
            genesis = hashing.device_genesis(said.device, certificate, leaf_hash(leaf))
            self._heads[("device", said.device)] = (0, genesis, 0)

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
            return hashing.taxpayer_genesis(self._salts[key], key)
        return hashing.type_genesis(int(key)) if name == "type" else hashing.day_genesis(int(key))

    def _store(self, index: int, month: int, tin: str, salt: bytes, record: bytes, media_type: str, body: bytes,
               leaf: bytes, said: Record, body_hash: bytes) -> None:  # fmt: skip
        run, requested_by, signed_by, ordinal = self._connection.execute, "", "", 0
        if said.kind == "1":
            requested_by, _, signed_by = said.device.partition("-")
            ordinal = int(said.se_total)
        act = bytes.fromhex(said.act_hash) if said.kind == "1" else body_hash
        run("INSERT INTO ledger.leaves VALUES (%s, %s, %s, %s)", (index, leaf, month, tin))
        run("INSERT INTO ledger.records VALUES (%s, %s, %s, %s, %s)", (month, tin, index, salt, record))
        run("INSERT INTO ledger.bodies VALUES (%s, %s, %s, %s, %s)", (month, tin, index, media_type, body))
        run("INSERT INTO ledger.identity VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (signed_by, ordinal, requested_by, act, body_hash, index, month, tin, int(said.verdict)))  # fmt: skip

    def _store_link(self, name: str, said: Record, seq: int, body_hash: bytes, link: bytes, total: int,
                    index: int) -> None:  # fmt: skip
        run = self._connection.execute
        if name == "device":
            requested_by, _, signed_by = said.device.partition("-")
            run("INSERT INTO ledger.device_links VALUES (%s, %s, %s, %s, %s, %s)",
                (signed_by, requested_by, seq, body_hash, link, index))  # fmt: skip
        elif name == "day":
            run("INSERT INTO ledger.day_links VALUES (%s, %s, %s, %s, %s, %s)",
                (int(said.day), seq, body_hash, wrap_64(total), link, index))  # fmt: skip
        else:
            key: object = said.taxpayer if name == "taxpayer" else int(said.type)
            run(f"INSERT INTO ledger.{name}_links VALUES (%s, %s, %s, %s, %s)".encode(),
                (key, seq, body_hash, link, index))  # fmt: skip

    def _write_heads(self) -> None:
        run = self._connection.execute
        for (name, key), (seq, link, total) in self._heads.items():
            if name == "device":
                requested_by, _, signed_by = key.partition("-")
                device = (signed_by, requested_by)
                run("UPDATE ledger.device_heads SET seq = %s, link = %s, total = %s, highest_ordinal = coalesce(("
                    "SELECT max(se_total) FROM ledger.identity i WHERE (i.signed_by, i.requested_by) = (%s, %s)), 0) "
                    "WHERE (signed_by, requested_by) = (%s, %s)", (seq, link, total, *device, *device))  # fmt: skip
            else:
                column = {"taxpayer": "tin", "type": "document_type", "day": "day"}[name]
                run(f"UPDATE ledger.{name}_heads SET seq = %s, link = %s, total = %s WHERE {column} = %s".encode(),
                    (seq, link, total, key if name == "taxpayer" else int(key)))  # fmt: skip
        run("DELETE FROM ledger.holes")
        run("WITH gap AS (SELECT signed_by, requested_by, se_total, coalesce(lag(se_total) OVER w, 0) AS before "
            "FROM ledger.identity WHERE signed_by <> '' WINDOW w AS (PARTITION BY signed_by, requested_by ORDER BY "
            "se_total)) INSERT INTO ledger.holes SELECT signed_by, requested_by, se_total - 1, before + 1 FROM gap "
            "WHERE se_total > before + 1")  # fmt: skip
        run("UPDATE ledger.device_heads d SET missing = coalesce((SELECT sum(last_ordinal - first_ordinal + 1) FROM "
            "ledger.holes h WHERE h.signed_by = d.signed_by AND h.requested_by = d.requested_by), 0)")  # fmt: skip
