"""What a register remembers of the batch that is on its way: its id, where its parts were cut, manifest and receipt.

Everything is stored before the authority hears of it, so that after a power cut the same batch goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import attrs

from tallystick.device.ecr.store import Store
from tallystick.kernel.hashing import sha256

_MANY = 100
_REPORTS_MOST = 1_000


class BatchState(IntEnum):
    """Parts are brought; its manifest is signed; its receipt is here, and not yet in the memory."""

    OPEN = 0
    SEALED = 1
    RECEIVED = 2


@attrs.frozen(slots=True, kw_only=True)
class Part:
    """Documents ``first`` to ``last``; ``is_there`` tells that the authority has it."""

    number: int
    first: int
    last: int
    sha256: bytes
    is_there: bool = False


@attrs.frozen(slots=True, kw_only=True)
class Batch:
    """The batch on its way; ``last`` and ``manifest`` from `BatchState.SEALED` on, then ``receipt``."""

    batch_id: bytes
    first: int
    state: BatchState
    last: int | None
    manifest: bytes | None
    receipt: bytes | None
    parts: tuple[Part, ...]

    @property
    def next_first(self) -> int:
        """The first number that is in no part yet."""
        return self.parts[-1].last + 1 if self.parts else self.first


class BatchStore:
    """The batches' half of a `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_its_way(self) -> Batch | None:
        """The batch that has not come to its end."""
        with self._store.reading():
            row = self._store.file.row("batch_on_its_way")
            if row is None:
                return None
            rows = self._store.file.rows("batch_parts", {"batch_id": row[0]})
        parts = tuple(
            [Part(number=one[0], first=one[1], last=one[2], sha256=one[3], is_there=bool(one[4])) for one in rows]
        )
        return Batch(
            batch_id=row[0], first=row[1], state=BatchState(row[2]), last=row[3], manifest=row[4], receipt=row[5],
            parts=parts,
        )  # fmt: skip

    def begin(self, batch_id: bytes, first: int) -> None:
        """A batch begins with a document."""
        with self._store.writing():
            self._store.file.run("add_batch", {"batch_id": batch_id, "first": first})

    def add_part(self, batch_id: bytes, part: Part) -> None:
        """A part is cut here, for ever."""
        values = attrs.asdict(part) | {"batch_id": batch_id, "is_there": int(part.is_there)}
        with self._store.writing():
            self._store.file.run("add_batch_part", values)

    def set_there(self, batch_id: bytes, number: int, is_there: bool) -> None:
        """The authority has the part, or has it no more."""
        with self._store.writing():
            values = {"batch_id": batch_id, "number": number, "is_there": int(is_there)}
            self._store.file.run("set_part_there", values)

    def seal(self, batch_id: bytes, last: int, manifest: bytes) -> None:
        """The one manifest that the batch will ever have."""
        with self._store.writing():
            self._store.file.run("seal_batch", {"batch_id": batch_id, "last": last, "manifest": manifest})

    def receive(self, batch_id: bytes, last: int, receipt: bytes) -> None:
        """Its receipt is here."""
        with self._store.writing():
            self._store.file.run("receive_batch", {"batch_id": batch_id, "last": last, "receipt": receipt})

    def end(self, batch: Batch, last: int, log_index: int | None, at_ms: int) -> None:
        """Its documents do not wait any more; ``log_index`` is that of the last one, if all are in the ledger."""
        file = self._store.file
        with self._store.writing():
            if log_index is not None:
                file.run("set_booked", {"sequence": last, "log_index": log_index, "at_ms": at_ms})
            file.run("settle_range", {"first": batch.first, "last": last, "at_ms": at_ms})
            file.run("drop_batch_parts", {"batch_id": batch.batch_id})
            file.run("end_batch", {"batch_id": batch.batch_id})
            file.run("note_contact", {"at_ms": at_ms})

    def drop(self, batch_id: bytes, waiting_from: int) -> None:
        """Give a batch up; documents from a number on wait again."""
        with self._store.writing():
            self._store.file.run("drop_batch_parts", {"batch_id": batch_id})
            self._store.file.run("drop_batch", {"batch_id": batch_id})
            self._store.file.run("unsettle", {"sequence": waiting_from})

    def newest_receipt(self) -> bytes | None:
        """The receipt of the newest batch."""
        with self._store.reading():
            row = self._store.file.row("newest_receipt")
        return None if row is None else bytes(row[0])

    # The documents

    def place_of(self, sequence: int) -> tuple[bytes, int] | None:
        """The link and the memory's record of a document."""
        with self._store.reading():
            row = self._store.file.row("place_of", {"sequence": sequence})
        return None if row is None else (bytes(row[0]), row[1])

    def documents(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Documents of a stretch: sequence and signed form."""
        while first <= last:
            with self._store.reading():
                rows = self._store.file.rows("documents_between", {"first": first, "last": last, "most": _MANY})
            if not rows:
                return
            yield from ((row[0], bytes(row[1])) for row in rows)
            first = rows[-1][0] + 1

    def hashes(self, first: int, last: int) -> Iterator[bytes]:
        """The body hashes of a stretch."""
        return (sha256(compact) for _, compact in self.documents(first, last))

    def bytes_of(self, first: int, last: int) -> int:
        """How long the text of a stretch is."""
        with self._store.reading():
            row = self._store.file.row("bytes_between", {"first": first, "last": last})
        return int(row[0]) if row else 0

    def reports(self, first: int, last: int) -> list[int]:
        """Numbers of the reports that may close a batch, the last one first."""
        with self._store.reading():
            rows = self._store.file.rows("reports", {"first": first, "last": last, "most": _REPORTS_MOST})
        return [row[0] for row in rows]

    def newest_report_ms(self) -> int:
        """When the newest report was signed, in Unix ms; 0 where there is none."""
        with self._store.reading():
            row = self._store.file.row("newest_report_time")
        return int(row[0]) if row else 0
