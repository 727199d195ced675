"""What one secure element's E-SDC remembers: sales from intent to audited, packages, answers, setup, audit cycles.

States of a sale: received (only in memory) → intent → signed → packaged → answered → delivered or kept → audited;
voided and gap are the two other ends. Two commits stand before an answer: the intent, and the package with the result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from pathlib import Path

import attrs

from tallystick.device.esdc.audit_records import AuditRecords
from tallystick.device.esdc.database import FORMAT, Database, StoreBroken
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.setup_records import SetupRecords
from tallystick.kernel.hashing import sha256

TYPICAL_SALE_BYTES = 12 * 1024
"""What a sale takes as long as none is stored to judge by: a small basket's package, answer and records."""
SALE_OVERHEAD_BYTES = 1024
"""Record, indexes, and the rest of a page that stays empty."""


class SaleState(IntEnum):
    """How far a request to fiscalise has come."""

    INTENT = 1
    SIGNED = 2
    PACKAGED = 3
    ANSWERED = 4
    DELIVERED = 5
    KEPT = 6
    AUDITED = 7
    VOIDED = 8
    GAP = 9


class AuditStatus(IntEnum):
    """The two answers of Submit Audit Package that say what to do; all others mean keep (S2-085)."""

    SEND_AGAIN = 1
    VERIFIED = 4


@attrs.frozen(slots=True, kw_only=True)
class Intent:
    """What is written down before the card is asked: enough to finish the sale, or to judge that it never happened."""

    request_id: str | None
    request_hash: bytes
    request: bytes
    language: str
    time_ms: int
    group_id: int
    taxes: bytes
    sign_request: bytes
    counter_before: int


_INTENT_COLUMNS = tuple(field.name for field in attrs.fields(Intent))


@attrs.frozen(slots=True, kw_only=True)
class OpenIntent:
    """An intent whose sale is not packaged, as found at a start; `sign_answer` is there from state SIGNED on."""

    sale: int
    state: SaleState
    intent: Intent
    sign_answer: bytes | None


@attrs.frozen(slots=True, kw_only=True)
class Newest:
    """The highest ordinal that this store knows, and when it was signed; zeros in a fresh store."""

    ordinal: int = 0
    time_ms: int = 0


@attrs.frozen(slots=True)
class Held:
    """Ordinals whose packages are here, ascending: those that wait anew, and all of those asked for."""

    again: list[int]
    all: list[int]


class Store:
    """One card's store. Every method runs in the thread that owns the card; each write is one durable commit."""

    def __init__(self, path: Path, *, uid: str, environment: str, storage: Storage | None = None) -> None:
        """Open or create the store of a card; raises `StoreTaken` or `StoreBroken`, also for another card's file."""
        self._storage = storage or Storage()
        self._database = Database(path)
        self._answered: deque[int] = deque()
        self._judged: dict[int, tuple[int, bool]] = {}
        self._judged_since: datetime | None = None
        try:
            self.stopped_cleanly = self._open(uid, environment)
        except BaseException:
            self._database.close()
            raise
        self.setup = SetupRecords(self._database)
        self.audit = AuditRecords(self._database)

    def _open(self, uid: str, environment: str) -> bool:
        found = self._database.row("find_store")
        if found is None:
            with self._database as writing:
                writing.run("add_store", {"format": FORMAT, "uid": uid, "environment": environment})
            found = self._database.row("find_store")
        assert found is not None
        if found[:3] != (FORMAT, uid, environment):
            raise StoreBroken("the store belongs to another card or another format")
        clean = bool(found[3])
        if not clean:
            self._database.check()
        with self._database as writing:
            writing.run("note_stop", {"clean": 0})
        return clean

    def close(self) -> None:
        """Note the clean stop and close."""
        try:
            with self._database as writing:
                self._write_notes(writing)
                writing.run("note_stop", {"clean": 1})
        finally:
            self._database.close()

    def abandon(self) -> None:
        """Close without a word, as a power cut does."""
        self._database.close()

    # Sales

    def keep_intent(self, intent: Intent) -> int:
        """First commit of a sale; gives its number in this store."""
        with self._database as writing:
            self._write_notes(writing)
            sale = writing.run(
                "add_sale",
                {
                    "request_id": intent.request_id,
                    "request_hash": intent.request_hash,
                    "time_ms": intent.time_ms,
                    "counter_before": intent.counter_before,
                },
            )
            writing.run(
                "add_intent",
                {
                    "sale": sale,
                    "request": intent.request,
                    "language": intent.language,
                    "group_id": intent.group_id,
                    "taxes": intent.taxes,
                    "sign_request": intent.sign_request,
                },
            )
        return sale

    def keep_signed(self, sale: int, sign_answer: bytes) -> None:
        """Recovery only: the card's result was read back; the package comes next."""
        with self._database as writing:
            writing.run("set_state", {"sale": sale, "state": SaleState.SIGNED})
            writing.run("keep_sign_answer", {"sale": sale, "sign_answer": sign_answer})

    def keep_packaged(self, sale: int, ordinal: int, package: bytes, answer: bytes) -> None:
        """Second commit of a sale: signed result, package, and the answer where the POS named its request."""
        with self._database as writing:
            writing.run("set_packaged", {"sale": sale, "ordinal": ordinal, "package_hash": sha256(package)})
            writing.run("drop_intent", {"sale": sale})
            writing.run("add_package", {"ordinal": ordinal, "body": package})
            writing.run("add_answer", {"sale": sale, "body": answer})
            writing.run("drop_old_answers", {"sale": sale - self._storage.answers_kept})

    def note_answered(self, sale: int) -> None:
        """The answer was handed to the network; written with the next commit. May be called from any thread."""
        self._answered.append(sale)

    def _write_notes(self, writing: Database) -> None:
        """What may wait for a commit that is made anyway: answers that left, and the authority's verdicts."""
        while self._answered:
            writing.run("set_answered", {"sale": self._answered.popleft()})
        for ordinal, (status, keep_until_proof) in self._judged.items():
            _write_verdict(writing, ordinal, status, keep_until_proof=keep_until_proof)
        self._judged.clear()
        self._judged_since = None

    def void(self, sale: int) -> None:
        """The card signed nothing for this intent; the row stays."""
        with self._database as writing:
            writing.run("set_state", {"sale": sale, "state": SaleState.VOIDED})

    def keep_gap(self, sale: int, ordinal: int, document: bytes, found_ms: int) -> None:
        """The card used an ordinal and its result is lost: keep all that is known of it."""
        with self._database as writing:
            writing.run("set_gap", {"sale": sale, "ordinal": ordinal})
            writing.run("add_gap", {"ordinal": ordinal, "document": document, "found_ms": found_ms})

    def gaps(self) -> dict[int, bytes]:
        """The gap documents by ordinal."""
        return dict(self._database.rows("gaps"))

    def open_intents(self) -> list[OpenIntent]:
        """Sales that a stop interrupted between intent and package, oldest first."""
        return [
            OpenIntent(
                sale=row[0],
                state=SaleState(row[1]),
                intent=Intent(**dict(zip(_INTENT_COLUMNS, row[2:-1], strict=True))),
                sign_answer=row[-1],
            )
            for row in self._database.rows("open_intents")
        ]

    def newest(self) -> Newest:
        """The highest ordinal known here."""
        row = self._database.row("newest_signed")
        return Newest(ordinal=row[0], time_ms=row[1]) if row else Newest()

    def find_answer(self, request_id: str, request_hash: bytes) -> bytes | None:
        """The stored answer to the same request: same id, same bytes."""
        row = self._database.row("find_answer", {"request_id": request_id, "request_hash": request_hash})
        return row[0] if row else None

    def newest_answer(self, request_id: str) -> bytes | None:
        """The stored answer that a POS asks for by its request id."""
        row = self._database.row("newest_answer", {"request_id": request_id})
        return row[0] if row else None

    # Packages

    def waiting(self, most: int, after: int = 0) -> list[tuple[int, bytes]]:
        """Packages that the authority has not judged yet, oldest first, from beyond an ordinal."""
        rows = self._database.rows("waiting", {"most": most + len(self._judged), "after": after})
        return [(row[0], row[1]) for row in rows if row[0] not in self._judged][:most]

    def waiting_count(self) -> int:
        """How many packages the authority has not judged yet."""
        row = self._database.row("waiting_count")
        return row[0] - len(self._judged) if row else 0

    def held_count(self) -> int:
        """How many packages are stored."""
        row = self._database.row("held_count")
        return row[0] if row else 0

    def held(self, after: int, up_to: int, most: int) -> list[tuple[int, bytes]]:
        """Stored packages beyond an ordinal, oldest first, whatever the authority said of them."""
        rows = self._database.rows("held", {"after": after, "up_to": up_to, "most": most})
        return [(row[0], row[1]) for row in rows]

    def held_newest(self) -> int:
        """The highest ordinal of a stored package; 0 for none."""
        row = self._database.row("held_newest")
        return row[0] or 0 if row else 0

    def package(self, ordinal: int) -> bytes | None:
        """A stored package."""
        row = self._database.row("find_package", {"ordinal": ordinal})
        return row[0] if row else None

    def record(self, ordinal: int) -> tuple[SaleState, bytes | None, int | None] | None:
        """The hash record of an ordinal: state, SHA-256 of its package, last audit status."""
        row = self._database.row("find_sale", {"ordinal": ordinal})
        return (SaleState(row[0]), row[1], row[2]) if row else None

    def settle(self, judged: Iterable[tuple[int, int]], *, keep_until_proof: bool, now: datetime) -> None:
        """Take the authority's verdicts (ordinal, status): 4 delivers, 1 still waits, others are kept (S2-085).

        They are written with the next commit, or by `write_notes`; a power cut before that only sends them again.
        """
        final = {n: (status, keep_until_proof) for n, status in judged if status != AuditStatus.SEND_AGAIN}
        self._judged |= final
        if final and self._judged_since is None:
            self._judged_since = now

    @property
    def judged_since(self) -> datetime | None:
        """Since when verdicts wait for a commit."""
        return self._judged_since

    def write_notes(self) -> None:
        """Commit what waits for a commit, if anything does."""
        if self._judged or self._answered:
            with self._database as writing:
                self._write_notes(writing)

    def send_again(self, ranges: Iterable[tuple[int, int]]) -> Held:
        """The authority misses these ordinals: what is still held, and was not on its way already, waits once more."""
        again: set[int] = set()
        held: set[int] = set()
        with self._database as writing:
            self._write_notes(writing)
            for first, last in ranges:
                between = {"first": first, "last": last}
                held.update(row[0] for row in writing.rows("held_between", between))
                again.update(row[0] for row in writing.rows("settled_between", between))
                writing.run("send_again", between)
        return Held(again=sorted(again), all=sorted(held))

    def used_bytes(self) -> int:
        """Bytes of the file that hold something."""
        return self._database.used_bytes()

    def typical_sale_bytes(self) -> int:
        """What one more sale will take, judged by the newest packages and answers that are stored."""
        row = self._database.row("typical_sale")
        package, answer = (row[0], row[1]) if row else (None, None)
        if package is None:
            return TYPICAL_SALE_BYTES
        return int(package + (answer or 0)) + SALE_OVERHEAD_BYTES

    def distrust(self) -> None:
        """The file is damaged: nothing more is written into it."""
        self._database.distrust()


def _write_verdict(writing: Database, ordinal: int, status: int, *, keep_until_proof: bool) -> None:
    values = {"ordinal": ordinal, "status": status}
    if status != AuditStatus.VERIFIED:
        writing.run("set_kept", values)
        return
    writing.run("set_delivered", values)
    if not keep_until_proof:
        writing.run("drop_package", {"ordinal": ordinal})
