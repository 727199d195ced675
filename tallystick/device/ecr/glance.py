"""What a register has made, read beside whoever works with it: store and memory; nothing is taken or changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import attrs

from tallystick.device.ecr.store import FILE
from tallystick.device.ecr.write_once import SIGNED_RECORDS
from tallystick.device.worm.disk import FolderSource
from tallystick.device.worm.dump import verify_dump
from tallystick.device.worm.reading import ReadOnlyMemory
from tallystick.kernel.faults import Fault
from tallystick.kit.named_sql import load_queries
from tallystick.wire.document_jws import read_signed
from tallystick.wire.worm import RecordKind

_PACKAGE = "tallystick.device.ecr"


@attrs.frozen(slots=True, kw_only=True)
class RegisterGlance:
    """Numbers of documents: ``stored`` in the register's own store, ``waiting`` those of which it does not know that
    the authority has them, ``in_memory`` what the write-once memory of the offline class holds. ``breaks`` says what
    contradicts itself there.
    """

    uid: str
    stored: frozenset[int]
    waiting: frozenset[int]
    in_memory: frozenset[int] = frozenset()
    breaks: tuple[str, ...] = ()

    @property
    def newest(self) -> int:
        """The highest number of a document that it made."""
        return max(*self.stored, *self.in_memory, 0, 0)


def glance(folder: Path, memory: Path | None = None) -> RegisterGlance:
    """Look into a register's folder, and into its memory if it has one.

    Raises ``TS-3258`` where there is no store yet, or it cannot be read.
    """
    uid, documents = _store(folder / FILE)
    in_memory, breaks = (frozenset[int](), ()) if memory is None else _memory(memory)
    return RegisterGlance(
        uid=uid,
        stored=frozenset(documents),
        waiting=frozenset([sequence for sequence, waits in documents.items() if waits]),
        in_memory=in_memory,
        breaks=breaks,
    )


def _store(file: Path) -> tuple[str, dict[int, bool]]:
    if not file.is_file():
        raise Fault("TS-3258", detail=f"there is no store {file.name}")
    queries = load_queries(_PACKAGE, driver="sqlite")
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")  # one moment for both questions
            whose = connection.execute(queries["find_register"]).fetchone()
            documents = {int(row[0]): bool(row[1]) for row in connection.execute(queries["known_documents"])}
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise Fault("TS-3258", detail=f"{file.name} cannot be read: {error}") from error
    if whose is None:
        raise Fault("TS-3258", detail=f"{file.name} is nobody's store yet")
    return str(whose[0]), documents


def _memory(folder: Path) -> tuple[frozenset[int], tuple[str, ...]]:
    breaks: list[str] = []
    verify_dump(FolderSource(folder), found=lambda one: breaks.append(str(one)))
    try:
        return frozenset(_numbers(folder)), tuple(breaks)
    except Fault as fault:
        return frozenset(), (*breaks, str(fault))


def _numbers(folder: Path) -> Iterator[int]:
    for record in ReadOnlyMemory(FolderSource(folder)).records():
        if record.kind in SIGNED_RECORDS and (record.data or record.kind is not RecordKind.CLOSURE):
            yield read_signed(record.data).header.sequence
