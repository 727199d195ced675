"""What one register remembers: its documents, the one whose fate is not known yet, and where its sequence stands.

A document's walk: signed → intent (durable) → delivered (the authority's log, or write-once memory) → document. Two
commits stand around the delivery, so that after a power cut the same bytes are delivered again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tallystick.crypto.national_oids import DeviceClass
from tallystick.device.ecr.folder_lock import take_lock
from tallystick.device.ecr.state_record import read_state, write_state
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.shifts import RegisterState
from tallystick.kit.atomic_file import sync_folder
from tallystick.kit.sqlite_file import SqliteFile

FILE = "register.db"
_PACKAGE = "tallystick.device.ecr"
_MANY = 1_000
_VOIDS_MOST = 100  # refused documents of one number whose bytes are kept
_UPGRADES = {2: "schema_3.sql", 3: "schema_4.sql"}


@attrs.frozen(slots=True, kw_only=True)
class Standing:
    """Where the register stands. ``link`` is that of its last document, the genesis before the first, if known.

    ``memory_record`` is the newest record of write-once memory that is counted here; ``stopped`` says why it stopped,
    ``barred`` why the authority lets it sell nothing more while it brings what it has.
    """

    sequence: int = 0
    link: bytes | None = None
    last_ms: int = 0
    state: RegisterState = attrs.field(factory=RegisterState)
    memory_record: int = 0
    contact_ms: int = 0
    stopped: str = ""
    barred: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Intent:
    """A signed document that is on its way: with the request that it came of, and the change of the sale."""

    number: int = 0
    sequence: int
    compact: bytes
    change: Money
    request_id: str
    request_hash: bytes


@attrs.frozen(slots=True, kw_only=True)
class Kept:
    """A document as it joins the sequence, with the answer that its request gets for ever.

    ``total`` is signed: refunds are negative. ``log_index`` is none until the authority has it; ``is_shown`` is false
    where nobody was there to take the answer.
    """

    sequence: int
    kind: str
    time_ms: int
    total: int
    refers_to: int | None
    compact: bytes
    link: bytes
    answer: bytes
    request_id: str | None
    request_hash: bytes | None
    log_index: int | None
    booked_ms: int | None
    memory_record: int
    is_shown: bool


@attrs.frozen(slots=True, kw_only=True)
class Waiting:
    """A document that the authority does not have yet."""

    sequence: int
    compact: bytes
    time_ms: int
    kind: str
    memory_record: int


class Store:
    """The file of one register. Writes are single durable commits; reading is safe from any thread."""

    def __init__(self, folder: Path, uid: Uid, device_class: DeviceClass) -> None:
        """Open or begin; raises ``TS-3258`` for a file that is damaged, of another register, or in use elsewhere."""
        self.uid = uid
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = take_lock(folder)
        try:
            self.file = SqliteFile(folder / FILE, _PACKAGE, version=max(_UPGRADES) + 1, upgrades=_UPGRADES)
            sync_folder(folder.parent)
            with self.file.transaction():
                found = self.file.row("find_register")
                if found is None:
                    values = {"uid": uid, "device_class": int(device_class), "state": write_state(RegisterState())}
                    self.file.run("add_register", values)
                elif found[:2] != (uid, int(device_class)):
                    raise Fault("TS-3258", detail="the store belongs to another register or class")
        except sqlite3.DatabaseError as error:
            os.close(self._lock)
            raise Fault("TS-3258", detail=str(error)) from error
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the file; the lock goes last."""
        self.file.close()
        os.close(self._lock)

    def standing(self) -> Standing:
        """Where the register stands."""
        with self.reading():
            row = self.file.row("find_register")
        assert row is not None
        return Standing(
            sequence=row[2],
            link=row[3],
            last_ms=row[4],
            state=read_state(row[5]),
            memory_record=row[6],
            contact_ms=row[7],
            stopped=row[8],
            barred=row[9],
        )

    # The walk of a document

    def keep_intent(self, intent: Intent) -> None:
        """First commit: the exact bytes, before anybody else sees them."""
        with self.writing():
            self.file.run("add_intent", _values(intent, "number"))

    def void(self, intent: Intent, cause: str) -> None:
        """The document was refused: its number is free. Its bytes stay until the number is used, or many came after."""
        with self.writing():
            self.file.run("void_intent", {"id": intent.number, "cause": cause})
            self.file.run("forget_old_voids", {"sequence": intent.sequence, "most": _VOIDS_MOST})

    def forget(self, intent: Intent) -> None:
        """Nobody ever got the document: its number is free, and nothing has to be kept of it."""
        with self.writing():
            self.file.run("forget_intent", {"id": intent.number})

    def keep(self, kept: Kept, standing: Standing) -> None:
        """Second commit: the document, its answer and the new standing; intents of its number end."""
        with self.writing():
            self.file.run("add_document", _values(kept) | {"is_shown": int(kept.is_shown)})
            self.file.run("drop_intents", {"sequence": kept.sequence})
            self.file.run(
                "move_head",
                {
                    "sequence": standing.sequence,
                    "link": standing.link,
                    "last_ms": standing.last_ms,
                    "state": write_state(standing.state),
                    "memory_record": standing.memory_record,
                },
            )
            if kept.booked_ms is not None:
                self.file.run("note_contact", {"at_ms": kept.booked_ms})

    def open_intent(self) -> Intent | None:
        """The document whose fate is not known, if there is one."""
        with self.reading():
            row = self.file.row("open_intent")
        return None if row is None else _intent(row)

    def void_intents(self, sequence: int) -> list[Intent]:
        """Documents that were given up under a number that is still free."""
        with self.reading():
            return [_intent(row) for row in self.file.rows("void_intents_of", {"sequence": sequence})]

    # What was answered, and what the register remembers

    def answer(self, request_id: str, request_hash: bytes) -> bytes | None:
        """The answer that this request got; raises ``TS-3253`` when the id came with other contents."""
        with self.reading():
            row = self.file.row("find_answer", {"request_id": request_id})
            if row is None:
                return None
            if row[0] != request_hash:
                raise Fault("TS-3253", detail="this request id was used for another request")
        with self.writing():
            self.file.run("set_shown", {"sequence": row[2]})
        return bytes(row[1])

    def document(self, sequence: int) -> bytes | None:
        """The signed form of a document."""
        with self.reading():
            row = self.file.row("find_document", {"sequence": sequence})
        return None if row is None else bytes(row[0])

    def answer_of(self, sequence: int) -> bytes | None:
        """The answer that was made for a document."""
        with self.reading():
            row = self.file.row("find_document", {"sequence": sequence})
        return None if row is None else bytes(row[1])

    def given_back(self, sequence: int) -> Money:
        """How much of a sale was given back."""
        with self.reading():
            row = self.file.row("given_back", {"sequence": sequence})
        return Money(-row[0] if row else 0)

    def documents(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """All documents in order: sequence and signed form."""
        while True:
            with self.reading():
                rows = self.file.rows("documents", {"after": after, "most": _MANY})
            if not rows:
                return
            yield from ((row[0], bytes(row[1])) for row in rows)
            after = rows[-1][0]

    def booked_after(self, sequence: int, most: int) -> list[tuple[int, bytes]]:
        """Documents behind a place that the authority has, in order: sequence and signed form."""
        with self.reading():
            rows = self.file.rows("booked_after", {"after": sequence, "most": most})
        return [(row[0], bytes(row[1])) for row in rows]

    def newest(self, most: int) -> list[bytes]:
        """The newest answers, the last one first."""
        with self.reading():
            return [bytes(row[4]) for row in self.file.rows("newest", {"most": most})]

    def late(self, most: int) -> list[bytes]:
        """The oldest answers that nobody took: documents that were settled when the till had given up."""
        with self.reading():
            return [bytes(row[1]) for row in self.file.rows("late", {"most": most})]

    def late_count(self) -> int:
        """How many there are of them."""
        with self.reading():
            return int(self.file.rows("late_count")[0][0])

    def mark_shown(self, sequence: int) -> None:
        """Somebody took the answer."""
        with self.writing():
            self.file.run("set_shown", {"sequence": sequence})

    # What the authority knows

    def waiting(self, most: int) -> list[Waiting]:
        """Documents that the authority does not have yet, oldest first."""
        with self.reading():
            rows = self.file.rows("waiting", {"most": most})
        return [
            Waiting(sequence=row[0], compact=bytes(row[1]), time_ms=row[2], kind=row[3], memory_record=row[4])
            for row in rows
        ]

    def waiting_count(self) -> tuple[int, int | None]:
        """How many wait, and the time of the oldest in Unix ms."""
        with self.reading():
            row = self.file.row("waiting_count")
        return (row[0], row[1]) if row else (0, None)

    def settle(self, booked: list[tuple[int, int]], at_ms: int) -> None:
        """The authority has these documents: (sequence, log index)."""
        with self.writing():
            for sequence, log_index in booked:
                self.file.run("set_booked", {"sequence": sequence, "log_index": log_index, "at_ms": at_ms})
            self.file.run("note_contact", {"at_ms": at_ms})

    def settle_records(self, record: int, at_ms: int) -> None:
        """The write-once memory says that the authority has its records up to this one."""
        with self.writing():
            self.file.run("settle_records", {"record": record, "at_ms": at_ms})

    def set_genesis(self, link: bytes) -> None:
        """The link before the first document, as the authority says it; only while there is no document."""
        with self.writing():
            self.file.run("set_genesis", {"link": link})

    def stop(self, reason: str) -> None:
        """Nothing more is signed until a person has looked; empty lifts it."""
        with self.writing():
            self.file.run("set_stopped", {"reason": reason})

    def bar(self, reason: str) -> None:
        """Nothing is sold under a certificate that is revoked; empty lifts it."""
        with self.writing():
            self.file.run("set_barred", {"reason": reason})

    def note_outage(self, began_ms: int, ended_ms: int, drop_before_ms: int) -> None:
        """A stretch without contact, longer each time that it is noted."""
        with self.writing():
            self.file.run("add_outage", {"began_ms": began_ms, "ended_ms": ended_ms})
            self.file.run("drop_outages", {"before_ms": drop_before_ms})

    def outages(self, since_ms: int) -> list[tuple[int, int]]:
        """Stretches that end after a moment."""
        with self.reading():
            return [(row[0], row[1]) for row in self.file.rows("outages", {"since_ms": since_ms})]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One durable commit, or nothing."""
        with self.reading(), self.file.transaction():
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raises ``TS-3258`` where the file cannot be read or written."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise Fault("TS-3258", detail=str(error)) from error


def _intent(row: tuple[object, ...]) -> Intent:
    number, sequence, compact, change, request_id, request_hash = row
    assert isinstance(number, int)
    assert isinstance(sequence, int)
    assert isinstance(change, int)
    assert isinstance(compact, bytes)
    assert isinstance(request_id, str)
    assert isinstance(request_hash, bytes)
    return Intent(
        number=number,
        sequence=sequence,
        compact=compact,
        change=Money(change),
        request_id=request_id,
        request_hash=request_hash,
    )


def _values(value: Intent | Kept, *without: str) -> dict[str, object]:
    found = {name: getattr(value, name) for name in (field.name for field in attrs.fields(type(value)))}
    return {name: one.scaled if isinstance(one, Money) else one for name, one in found.items() if name not in without}
