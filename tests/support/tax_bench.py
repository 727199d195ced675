"""A ledger's tables with documents in them, a clock that tests move, and a tax service that is really there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs
import psycopg
from ledger_bench import document

from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.taxservice import operations, queries, store
from tallystick.authority.projections.taxservice.fold import fold
from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.authority.projections.taxservice.queries import Span
from tallystick.authority.projections.taxservice.sending import Sender, TaxService
from tallystick.authority.projections.taxservice.values import DeadLetter, State
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.tax_service import TaxServiceAddress
from tallystick.simulation.tax_service import Manner, TaxServiceCounterpart, TaxServiceServer, TaxServiceStore
from tallystick.wire.erasure import Erasure, tombstone, write_erasure
from tallystick.wire.leaf import NO_LINK, pack_leaf
from tallystick.wire.record import write_document_record

ZONE = ZoneInfo("Europe/Belgrade")
START = datetime(2026, 11, 27, 12, tzinfo=UTC)
OFFICER = Person("vera", PAGES)
WHY = "the service has mended its side"
ROUND = timedelta(seconds=2)
_SALT = bytes(32)
FOLDED = ("item", "total", "minute", "day", "register_seen", "point_seen")


@attrs.define
class TaxBench:
    """Handles for a test. ``clock`` is what the queue takes for the time."""

    dsn: str
    conn: psycopg.Connection[tuple[object, ...]]
    owner: psycopg.Connection[tuple[object, ...]]
    at: datetime = START
    size: int = 0
    ordinals: Counter[str] = attrs.Factory(Counter)
    entries: list[NewEntry] = attrs.Factory(list)

    def clock(self) -> datetime:
        """The time of the test."""
        return self.at

    def later(self, **by: float) -> None:
        """Let time go by."""
        self.at += timedelta(**by)

    def book(self, count: int = 1, uid: str = "ABCD1234", **changes: object) -> None:
        """Documents as the sequencer would have left them in the tables, behind the gate."""
        for _ in range(count):
            self.ordinals[uid] += 1
            told: dict[str, Any] = {"received_at_ms": unix_ms(self.at), "issued_at_ms": unix_ms(self.at)} | changes
            self._add(document(uid, self.ordinals[uid], 10_000 + self.size, **told))
        self._sign()

    def erase(self, index: int) -> None:
        """As the law has it: an order in the ledger, and a tombstone in the place of the body."""
        order = Erasure(
            law="law", asked_by="ann", approved_by="bob", at_ms=1, request=1, erased={index: self.body_hash(index)}
        )
        ordered = self.size
        entry = NewEntry(
            kind=EntryKind.ERASURE,
            channel=0,
            body=write_erasure(order),
            media_type="application/json",
            received_at_ms=unix_ms(self.at),
        )
        self._add(entry)
        self._sign()
        kind = tombstone(ordered)
        self.edit(f"UPDATE ledger.bodies SET body = '', media_type = '{kind}' WHERE log_index = {index}")

    def body_hash(self, index: int) -> str:
        """Of the body that was booked (hex)."""
        return sha256(self.entries[index].body).hex()

    def _add(self, entry: NewEntry) -> None:
        index, month = self.size, 683
        number, requested_by = self.ordinals[entry.device[1]], entry.device[0]
        body_hash = sha256(entry.body)
        record = write_document_record(
            entry, entry.act_hash, body_hash, NO_LINK, number, number, entry.document_type, index + 1, 1
        )
        leaf = pack_leaf(
            entry.kind, entry.channel, 0, entry.received_at_ms, record_commitment(_SALT, record), *(NO_LINK,) * 4
        )
        with self.owner.transaction():
            owner = self.owner
            owner.execute("SELECT ledger.ensure_month(%s)", [month])
            owner.execute("INSERT INTO ledger.leaves VALUES (%s, %s, %s, %s)", [index, leaf, month, entry.tin])
            owner.execute(
                "INSERT INTO ledger.records VALUES (%s, %s, %s, %s, %s)", [month, entry.tin, index, _SALT, record]
            )
            owner.execute(
                "INSERT INTO ledger.bodies VALUES (%s, %s, %s, %s, %s)",
                [month, entry.tin, index, entry.media_type, entry.body],
            )
            owner.execute(
                "INSERT INTO ledger.identity VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [entry.device[1], entry.se_total, requested_by, entry.act_hash, body_hash, index, month, entry.tin, 4],
            )
            owner.execute(
                "INSERT INTO ledger.device_links VALUES (%s, %s, %s, %s, %s, %s)",
                [entry.device[1], requested_by, number, body_hash, NO_LINK, index],
            )
        self.entries.append(entry)
        self.size += 1

    def _sign(self) -> None:
        self.owner.execute("INSERT INTO ledger.checkpoints VALUES (%s, '') ON CONFLICT DO NOTHING", [self.size])

    def fold(self, most: int = 1_000) -> int:
        """Take entries in, as the worker does."""
        folded = fold(self.conn, ZONE, self.at, most)
        self.conn.commit()
        return folded

    def sender(self, service: TaxService, in_flight: int = 4) -> Sender:
        """A sender of this bench's clock, without chance."""
        return Sender(service, ZONE, self.clock, in_flight, chance=lambda: 1.0)

    def send(self, service: TaxService, in_flight: int = 4, rounds: int = 1) -> int:
        """Rounds of a sender; how many documents were answered or had trouble."""
        sender = self.sender(service, in_flight)
        try:
            return sum(sender.round(self.conn, ROUND) for _ in range(rounds))
        finally:
            sender.close()

    def resend(self, entry: int | None = None, kind: DocumentKind | None = None) -> int:
        """An officer's deed, in the role of the pages."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as pages, store.acting(pages, None):
            return operations.resend(pages, OFFICER, WHY, self.at, ZONE, log_index=entry, kind=kind)

    def states(self) -> dict[State, int]:
        """All documents by their state, as the figures say."""
        found = queries.types(self.conn, Span.ALL, self.at).states
        self.conn.commit()
        return {state: count for state, count in found.items() if count}

    def dead(self) -> list[DeadLetter]:
        """Dead letters."""
        found = queries.dead_letters(self.conn)
        self.conn.commit()
        return found

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Look into the database as its owner."""
        with psycopg.connect(self.dsn) as owner:
            return owner.execute(query.encode()).fetchall()

    def empty(self) -> None:
        """Begin anew: no document, no item, no receipt."""
        ledger = ("leaves", "records", "bodies", "identity", "device_links", "checkpoints")
        self.edit(
            *(f"DELETE FROM ledger.{table}" for table in ledger),
            "DELETE FROM taxservice.receipt",
            "UPDATE taxservice.standing SET failures = 0, open_since = NULL, probe_at = NULL, answered_at = NULL",
        )
        self.throw_away()
        self.size = 0
        self.ordinals.clear()
        self.entries.clear()

    def throw_away(self) -> None:
        """The queue and the figures, as an administrator may; receipts stay."""
        self.edit(
            *(f"DELETE FROM taxservice.{table}" for table in FOLDED),
            "UPDATE taxservice.progress SET position = 0",
        )

    def edit(self, *statements: str) -> None:
        """What an insider does: as the owner, with the triggers out of the way."""
        with self.owner.transaction():
            self.owner.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                self.owner.execute(statement.encode())


@attrs.define
class LiveService:
    """The counterpart with its server, and the way to it."""

    server: TaxServiceServer
    seconds: float = 2.0

    @property
    def inside(self) -> TaxServiceCounterpart:
        """What it does and keeps."""
        return self.server.counterpart

    @property
    def store(self) -> TaxServiceStore:
        """What it has received."""
        return self.inside.store

    @property
    def way(self) -> TaxServiceAddress:
        """As the settings would name it."""
        return TaxServiceAddress(urlsplit(self.server.url), self.seconds)


@contextmanager
def tax_bench(dsn: str) -> Iterator[TaxBench]:
    """Over a migrated, empty database."""
    with psycopg.connect(as_role(dsn, INTAKE)) as conn, psycopg.connect(dsn, autocommit=True) as owner:
        yield TaxBench(dsn, conn, owner)


@contextmanager
def live_service(folder: Path, clock: Callable[[], datetime], manner: Manner = Manner.WELL) -> Iterator[LiveService]:
    """The counterpart on loopback, which keeps what it gets."""
    kept = TaxServiceStore(folder / "tax-service.sqlite")
    server = TaxServiceServer(TaxServiceCounterpart(kept, clock, manner, slow_seconds=0.3))
    server.start()
    try:
        yield LiveService(server)
    finally:
        server.stop()
        kept.close()
