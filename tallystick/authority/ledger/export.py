"""Writes the ledger, or a part of it, into a folder that anyone can read without us (docs/guides/ledger-export.md).

Reads in one read-only snapshot, chunk by chunk; what is written does not depend on memory. The folder has its name only
when it is whole: until then it is called `.partial`, and the manifest is the last file in it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger.export_chunks import CHUNK_ENTRIES, ChunkWriter, FindCertificates
from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.authority.ledger.sweep_rows import Connection
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256, sha256_of_pieces
from tallystick.kit.atomic_file import sync_folder, write_atomically
from tallystick.kit.named_sql import load_queries
from tallystick.wire.erasure import ordered_by
from tallystick.wire.ledger_export import (
    FORMAT,
    MANIFEST,
    PART_ENTRIES,
    TRUST_LIST,
    VERSION,
    Head,
    Manifest,
    Part,
    deflate,
    write_manifest,
)
from tallystick.wire.signed_note import parse_checkpoint, parse_note

_SQL = load_queries("tallystick.authority.ledger")
_LEVEL = 6
_FILE_MODE = 0o640
_READ_BYTES = 1024 * 1024

Progress = Callable[[int, int], None]


@attrs.frozen(kw_only=True)
class ExportScope:
    """What to export: all of it; all from entry ``first`` on; or the entries of one taxpayer, device or day.

    ``first`` is rounded down to the beginning of a part. ``device`` is (requestedBy, signedBy), ``day`` days since
    1970.
    """

    first: int = 0
    tin: str = ""
    device: tuple[str, str] | None = None
    day: int | None = None

    @property
    def of(self) -> dict[str, str]:
        """What the manifest says of a selection; empty for a span."""
        if self.device is not None:
            return {"device": "-".join(self.device)}
        if self.tin:
            return {"taxpayer": self.tin}
        return {"day": str(self.day)} if self.day is not None else {}

    @property
    def name(self) -> str:
        """How the manifest calls it."""
        if self.of:
            return "selection"
        return "span" if self.first else "all"


def export_ledger(
    dsn: str,
    folder: Path,
    scope: ExportScope,
    *,
    issuers: Sequence[bytes] = (),
    key_changes: Sequence[bytes] = (),
    trust_list: bytes = b"",
    head: bytes = b"",
    certificates: FindCertificates = lambda _: (),
    progress: Progress = lambda done, total: None,
) -> Manifest:
    """Write an export up to a signed head: the newest, or the note ``head``, such as one that witnesses cosigned.

    ``issuers`` are certificates (DER) between the signers and their root, ``key_changes`` the notes of the log's keys,
    ``trust_list`` is the authority's own, ``certificates`` gives those of national devices (DER, by their SHA-256) that
    no registration holds. It does not judge: what the tables hold is written, contradictions included, for the verifier
    to find. Raises ``TS-3055`` when the folder exists or nothing is signed yet, ``TS-5008`` when the stored tree lacks
    what a proof is made of.
    """
    if folder.exists():
        raise Fault("TS-3055", detail=f"{folder} exists already; an export never overwrites one")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in ("parts", "heads"):
        (partial / name).mkdir(parents=True, mode=0o750)
    with psycopg.connect(dsn) as connection:
        connection.execute(_SQL["read_only"])
        manifest = _Exporter(connection, partial, scope, issuers, head, certificates, progress).run()
    manifest = msgspec.structs.replace(manifest, key_changes=tuple(key_changes))
    if trust_list:
        write_atomically(partial / TRUST_LIST, trust_list, mode=_FILE_MODE)
    write_atomically(partial / MANIFEST, write_manifest(manifest), mode=_FILE_MODE)
    partial.rename(folder)
    sync_folder(folder.parent)
    return manifest


class _Exporter:
    def __init__(
        self,
        connection: Connection,
        folder: Path,
        scope: ExportScope,
        issuers: Sequence[bytes],
        head: bytes,
        certificates: FindCertificates,
        progress: Progress,
    ) -> None:
        self._connection = connection
        self._certificates = certificates
        self._folder = folder
        self._scope = scope
        self._issuers = tuple(issuers)
        self._note = head or newest_checkpoint(connection)
        if not self._note:
            raise Fault("TS-3055", detail="the ledger has no signed head yet")
        self._head = parse_checkpoint(parse_note(self._note).text)
        self._first = 0 if scope.of else min(scope.first, self._head.size) // PART_ENTRIES * PART_ENTRIES
        self._progress = progress
        self._heads: list[Head] = []
        self._done = 0

    def run(self) -> Manifest:
        size = self._head.size
        parts = self._selected() if self._scope.of else self._span()
        self._write_head(size, self._note)
        sync_folder(self._folder / "parts")
        sync_folder(self._folder / "heads")
        return Manifest(
            format=FORMAT,
            version=VERSION,
            origin=self._head.origin,
            scope=self._scope.name if self._first or self._scope.of else "all",
            of=self._scope.of,
            first=self._first,
            size=size,
            entries=sum(part.entries for part in parts),
            edge=tuple(self._edge()),
            parts=tuple(parts),
            heads=tuple(self._heads),
            issuers=self._issuers,
        )

    def _edge(self) -> Iterator[bytes]:
        """The perfect nodes over the entries before the first, largest first."""
        reader, start = TreeReader(self._connection, self._head.size), 0
        for level in reversed(range(self._first.bit_length())):
            if self._first >> level & 1:
                try:
                    yield reader.hash_at(level, start >> level)
                except LookupError as error:
                    raise Fault("TS-5008", detail=str(error)) from None
                start += 1 << level

    def _span(self) -> list[Part]:
        parts = []
        for first in range(self._first, self._head.size, PART_ENTRIES):
            end = min(first + PART_ENTRIES, self._head.size)
            writer = ChunkWriter(self._connection, certificates=self._certificates)
            parts.append(self._part(first, end - first, writer.spans(first, end)))
            self._head_within(first, end)
            self._advance(end - first, self._head.size - self._first)
        return parts

    def _head_within(self, first: int, end: int) -> None:
        """The newest head inside of a part, so that a reader can tell since when a root differs."""
        row = self._connection.execute(_SQL["export_head"], {"start": first, "end": end}).fetchone()
        if row is not None and row[0] != self._head.size:
            self._write_head(*row)

    def _write_head(self, size: int, note: bytes) -> None:
        name = f"heads/{size}.note"
        write_atomically(self._folder / name, note, mode=_FILE_MODE, durable=False)
        self._heads.append(Head(name=name, size=size, sha256=sha256(note).hex()))

    def _advance(self, entries: int, total: int) -> None:
        self._done += entries
        self._progress(self._done, total)

    # --- a selection -------------------------------------------------------------------------------------------

    def _selected(self) -> list[Part]:
        parts: list[Part] = []
        orders: set[int] = set()
        indexes = self._indexes()
        while chosen := list(islice(indexes, PART_ENTRIES)):
            parts.append(self._selected_part(chosen))
            orders |= self._orders(chosen)
        ordered = iter(sorted(orders))  # they go along, so that a body erased by law can be told from a lost one
        while chosen := list(islice(ordered, PART_ENTRIES)):
            parts.append(self._selected_part(chosen))
        return parts

    def _orders(self, indexes: list[int]) -> set[int]:
        rows = self._connection.execute(_SQL["export_tombstones"], {"indexes": indexes}).fetchall()
        found = {ordered_by(media_type) for (media_type,) in rows}
        return {index for index in found if index is not None and index < self._head.size}

    def _selected_part(self, indexes: list[int]) -> Part:
        writer = ChunkWriter(self._connection, paths_to=self._head.size, certificates=self._certificates)
        part = self._part(indexes[0], len(indexes), writer.chosen(indexes))
        self._advance(len(indexes), 0)
        return part

    def _indexes(self) -> Iterator[int]:
        """Registrations of the devices first, then the documents in the order of their sequence."""
        scope, size = self._scope, self._head.size
        requested_by, signed_by = scope.device or ("", "")
        names = {"tin": scope.tin, "signed_by": signed_by, "requested_by": requested_by, "size": size}
        query = "export_by_day"
        if scope.day is None:
            query = "export_by_device" if scope.device else "export_by_taxpayer"
            yield from (row[0] for row in self._connection.execute(_SQL["export_registrations"], names).fetchall())
        after = 0
        while rows := self._connection.execute(
            _SQL[query], names | {"day": scope.day, "after": after, "limit": CHUNK_ENTRIES}
        ).fetchall():
            yield from (index for _, index in rows)
            after = rows[-1][0]

    # --- files -------------------------------------------------------------------------------------------------

    def _part(self, first: int, entries: int, lines: Iterable[bytes]) -> Part:
        name = f"parts/{first}.jsonl.gz"
        path, unpacked = self._folder / name, 0

        def counted() -> Iterator[bytes]:
            nonlocal unpacked
            for line in lines:
                unpacked += len(line)
                yield line

        with path.open("xb") as file:
            os.fchmod(file.fileno(), _FILE_MODE)
            file.writelines(deflate(counted(), _LEVEL))
            file.flush()
            os.fsync(file.fileno())
        with path.open("rb") as written:
            digest = sha256_of_pieces(iter(lambda: written.read(_READ_BYTES), b""))
        return Part(name=name, first=first, entries=entries, bytes=unpacked, sha256=digest.hex())
