"""What a connection must not forget, in one SQLite file: its sequence, its documents, and how far it has read.

Every change is on the disk before it is acted upon. One program has the file at a time: two would sign two documents
for one place, which stops the connection.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick_erp.faults import ErpError
from tallystick_erp.shift import Shift

_TABLES = """
CREATE TABLE IF NOT EXISTS connection (
    one INTEGER PRIMARY KEY CHECK (one = 1), device TEXT NOT NULL, audience TEXT NOT NULL, sequence INTEGER NOT NULL,
    link BLOB NOT NULL, shift TEXT NOT NULL, read_to TEXT NOT NULL DEFAULT '', handled TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, sequence INTEGER NOT NULL, payload TEXT NOT NULL, compact BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'booked', 'refused')), answer TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS document_key ON document (key) WHERE state <> 'refused';
CREATE UNIQUE INDEX IF NOT EXISTS document_place ON document (sequence) WHERE state <> 'refused';
CREATE INDEX IF NOT EXISTS document_waiting ON document (id) WHERE state = 'waiting';
"""


@dataclass(frozen=True)
class Place:
    """Where a connection stands: the last booked document, the link after it, and the fold of all."""

    device: str
    audience: str
    sequence: int
    link: bytes
    shift: Shift


@dataclass(frozen=True)
class Kept:
    """A document that was signed. ``payload`` is what the ERP gave, completed."""

    id: int
    key: str
    sequence: int
    payload: Mapping[str, Any]
    compact: bytes
    state: str
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Booked:
    """A booked document: fiscal number, place in the ledger, and for a sale the address that its receipt carries."""

    number: str
    index: str
    verification_url: str
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Booked:
        """From the operator's answer."""
        return cls(answer["number"], answer["index"], answer.get("verification_url", ""), answer)


class Store:
    """The file, held as long as the object lives."""

    def __init__(self, file: str | Path) -> None:
        self._lock = Path(f"{file}.lock").open("w")  # noqa: SIM115  # held until close
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ErpError(f"another program has {file} open") from None
        self._sql = sqlite3.connect(file, isolation_level=None)
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.executescript(_TABLES)

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()
        self._lock.close()

    def place(self) -> Place | None:
        """Where the connection stands; none before its beginning."""
        row = self._sql.execute("SELECT device, audience, sequence, link, shift FROM connection").fetchone()
        if row is None:
            return None
        device, audience, sequence, link, shift = row
        return Place(device, audience, sequence, link, Shift.load(shift))

    def begin(self, place: Place) -> None:
        """The very first time."""
        values = (place.device, place.audience, place.sequence, place.link, place.shift.dump())
        self._sql.execute(
            "INSERT INTO connection (one, device, audience, sequence, link, shift) VALUES (1, ?, ?, ?, ?, ?)", values
        )

    def keep(self, documents: Sequence[tuple[str, int, Mapping[str, Any], bytes]]) -> None:
        """Signed documents (key, sequence, payload, bytes), all or none, before the first is sent."""
        rows = [(key, sequence, json.dumps(payload), compact) for key, sequence, payload, compact in documents]
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            self._sql.executemany("INSERT INTO document (key, sequence, payload, compact) VALUES (?, ?, ?, ?)", rows)

    def waiting(self) -> list[Kept]:
        """Documents of which it is not known what became of them, in order."""
        return [_kept(row) for row in self._sql.execute(f"{_SELECT} WHERE state = 'waiting' ORDER BY id")]

    def of_key(self, key: str) -> Kept | None:
        """The document of a key, unless it was refused."""
        row = self._sql.execute(f"{_SELECT} WHERE key = ? AND state <> 'refused'", (key,)).fetchone()
        return None if row is None else _kept(row)

    def booked(self, kept: Kept, answer: Mapping[str, Any], place: Place) -> None:
        """The operator has it: the sequence goes on."""
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            self._sql.execute(
                "UPDATE document SET state = 'booked', answer = ? WHERE id = ?", (json.dumps(answer), kept.id)
            )
            self._sql.execute(
                "UPDATE connection SET sequence = ?, link = ?, shift = ?",
                (place.sequence, place.link, place.shift.dump()),
            )

    def refused_from(self, kept: Kept) -> None:
        """The operator will not have it, and so nothing that was signed behind it."""
        self._sql.execute("UPDATE document SET state = 'refused' WHERE id >= ? AND state = 'waiting'", (kept.id,))

    def documents(self) -> list[tuple[int, str]]:
        """Sequence number and state (``waiting``, ``booked``) of every document that was not refused, in order."""
        rows = self._sql.execute("SELECT sequence, state FROM document WHERE state <> 'refused' ORDER BY sequence")
        return [(row[0], row[1]) for row in rows]

    def read_to(self) -> tuple[str, str]:
        """The feed's cursor, and the last event behind it that was handled."""
        row = self._sql.execute("SELECT read_to, handled FROM connection").fetchone()
        return ("", "") if row is None else (row[0], row[1])

    def handled(self, event: str) -> None:
        """An event was handled."""
        self._sql.execute("UPDATE connection SET handled = ?", (event,))

    def page_done(self, cursor: str) -> None:
        """All events of a page were."""
        self._sql.execute("UPDATE connection SET read_to = ?, handled = ''", (cursor,))


_SELECT = "SELECT id, key, sequence, payload, compact, state, answer FROM document"


def _kept(row: tuple[Any, ...]) -> Kept:
    identity, key, sequence, payload, compact, state, answer = row
    return Kept(identity, key, sequence, json.loads(payload), compact, state, json.loads(answer) if answer else {})
