"""The lines of one part of an export: entries with what their sequences need, and the certificates of their signers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Shows
from tallystick.authority.ledger.sweep_rows import (
    LINK_TABLES,
    Connection,
    EntryRow,
    Key,
    LinkRow,
    read_entries_with_salts,
    read_links,
)
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import inclusion_path
from tallystick.kit.named_sql import load_queries
from tallystick.wire.document_jws import MEDIA_TYPE as NATIONAL
from tallystick.wire.ledger_export import Before, Line, encode_line

CHUNK_ENTRIES = 256
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
FindCertificates = Callable[[Collection[bytes]], Iterable[bytes]]
_DOCUMENT = str(int(EntryKind.DOCUMENT))
_SQL = load_queries("tallystick.authority.ledger")
_TABLES = {table.shows: table for table in LINK_TABLES if table.shows is not Shows.DEVICE}


class _Place(msgspec.Struct, gc=False):
    """The members of a record that say where its entry stands; read leniently, for a forged one is exported too."""

    kind: str = ""
    media_type: str = ""
    certificate_hash: str = ""
    device: str = ""
    taxpayer: str = ""
    taxpayer_seq: str = ""
    type: str = ""
    type_seq: str = ""
    day: str = ""
    day_seq: str = ""


class _Registered(msgspec.Struct, gc=False):
    """What is read of a registration."""

    certificate: str = ""


_read_place = msgspec.json.Decoder(_Place).decode
_read_registered = msgspec.json.Decoder(_Registered).decode

_Wanted = dict[Shows, tuple[Key, int]]


class ChunkWriter:
    """Writes one part; ``paths_to`` is the size of the head to which each entry gets a path of its own.

    ``certificates`` gives certificates of national devices (DER) that no registration holds, by their SHA-256.
    """

    def __init__(
        self, connection: Connection, *, paths_to: int = 0, certificates: FindCertificates = lambda _: ()
    ) -> None:
        self._connection = connection
        self._find_certificates = certificates
        self._given: set[bytes] = set()
        self._paths_to = paths_to
        self._last: dict[tuple[Shows, Key], int] = {}
        self._shown: set[str] = set()

    def spans(self, first: int, end: int) -> Iterator[bytes]:
        """All entries from ``first`` to before ``end``."""
        for start in range(first, end, CHUNK_ENTRIES):
            yield from self._chunk(read_entries_with_salts(self._connection, start, min(start + CHUNK_ENTRIES, end)))

    def chosen(self, indexes: list[int]) -> Iterator[bytes]:
        """The entries at these indexes, in this order."""
        for start in range(0, len(indexes), CHUNK_ENTRIES):
            some = indexes[start : start + CHUNK_ENTRIES]
            rows = self._connection.execute(_SQL["export_entries_at"], {"indexes": some}, binary=True)
            found = {row[0]: EntryRow(*row[1:]) for row in rows}
            yield from self._chunk({index: found[index] for index in some if index in found})

    def _chunk(self, rows: dict[int, EntryRow]) -> Iterator[bytes]:
        places = {index: _place_of(row) for index, row in rows.items()}
        yield from self._certificates(places.values())
        wanted = {index: self._entering(place) for index, place in places.items()}
        links = self._links_before(wanted.values())
        salts = self._salts(wanted.values())
        reader = TreeReader(self._connection, self._paths_to)
        for index, row in rows.items():
            yield encode_line(self._line(index, row, _before(wanted[index], links, salts), reader)) + b"\n"

    def _line(self, index: int, row: EntryRow, before: Before | None, reader: TreeReader) -> Line:
        body, encoded = _text_or_bytes(row.body)
        path = _path(index, self._paths_to, reader) if self._paths_to else ()
        return Line(
            index=index,
            leaf=row.leaf,
            salt=row.salt or b"",
            record=_lossless(row.record),
            media_type=row.media_type or "",
            body=body,
            body_base64=encoded,
            buyer_salt=row.buyer_salt or b"",
            before=before,
            path=path,
        )

    def _entering(self, place: _Place | None) -> _Wanted:
        """The sequences whose previous entry is not the last one of them in this part."""
        wanted: _Wanted = {}
        for shows, key, seq in _keys(place):
            if self._last.get((shows, key)) != seq - 1:
                wanted[shows] = (key, seq - 1)
            self._last[shows, key] = seq
        return wanted

    def _links_before(self, wanted: Iterable[_Wanted]) -> dict[tuple[Shows, Key, int], LinkRow]:
        found: dict[tuple[Shows, Key, int], LinkRow] = {}
        for shows, table in _TABLES.items():
            asked = [one[shows] for one in wanted if shows in one and one[shows][1] > 0]
            for (key, seq), row in read_links(self._connection, table, asked).items() if asked else ():
                found[shows, key, seq] = row
        return found

    def _salts(self, wanted: Iterable[_Wanted]) -> dict[str, bytes]:
        asked = [str(one[Shows.TAXPAYER][0][0]) for one in wanted if one.get(Shows.TAXPAYER, ((), 1))[1] == 0]
        return dict(self._connection.execute(_SQL["export_salts"], {"tins": asked}).fetchall()) if asked else {}

    def _certificates(self, places: Collection[_Place | None]) -> Iterator[bytes]:
        """Certificates of signers and requesters that this part has not shown yet."""
        uids = {
            uid: None
            for place in places
            if place is not None and place.kind == _DOCUMENT
            for uid in place.device.split("-")
            if uid not in self._shown
        }
        if uids:
            yield from self._registered(uids)
        yield from self._later(places)

    def _registered(self, uids: dict[str, None]) -> Iterator[bytes]:
        """Those that registrations hold."""
        self._shown.update(uids)
        for _, body in self._connection.execute(_SQL["export_certificates"], {"uids": list(uids)}):
            try:
                der = bytes.fromhex(_read_registered(body).certificate)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                continue
            if der:
                self._given.add(sha256(der))
                yield encode_line(Line(certificate=der)) + b"\n"

    def _later(self, places: Collection[_Place | None]) -> Iterator[bytes]:
        """Those that a national device got later: the register of certificates has them."""
        named = {
            bytes.fromhex(place.certificate_hash)
            for place in places
            if place is not None and place.media_type == NATIONAL and _HASH.fullmatch(place.certificate_hash)
        }
        wanted = named - self._given
        self._given |= wanted
        for der in self._find_certificates(sorted(wanted)) if wanted else ():
            yield encode_line(Line(certificate=der)) + b"\n"


def _path(index: int, size: int, reader: TreeReader) -> tuple[bytes, ...]:
    """The entry's path to the head; empty where the stored tree has none, which no verifier takes for a proof."""
    try:
        return tuple(inclusion_path(index, size, reader.hash_at))
    except (LookupError, ValueError):
        return ()


def _place_of(row: EntryRow) -> _Place | None:
    try:
        return _read_place(row.record or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _keys(place: _Place | None) -> Iterator[tuple[Shows, Key, int]]:
    if place is None:
        return
    numbers = [(Shows.TYPE, place.type, place.type_seq)]
    if place.kind == _DOCUMENT:
        numbers += [
            (Shows.TAXPAYER, place.taxpayer, place.taxpayer_seq),
            (Shows.DAY, place.day, place.day_seq),
        ]
    for shows, name, number in numbers:
        try:
            key: Key = (name if shows is Shows.TAXPAYER else _within(name, 2**31),)
            yield shows, key, _within(number, 2**63)
        except ValueError:
            continue


def _within(text: str, end: int) -> int:
    number = int(text)
    if not -end <= number < end:
        raise ValueError(text)
    return number


def _before(wanted: _Wanted, links: dict[tuple[Shows, Key, int], LinkRow], salts: dict[str, bytes]) -> Before | None:
    if not wanted:
        return None
    rows = {shows: links.get((shows, *place)) for shows, place in wanted.items()}
    taxpayer = wanted.get(Shows.TAXPAYER)
    day = rows.get(Shows.DAY)
    before = Before(
        taxpayer=_link(rows.get(Shows.TAXPAYER)),
        salt=salts.get(str(taxpayer[0][0]), b"") if taxpayer and taxpayer[1] == 0 else b"",
        type=_link(rows.get(Shows.TYPE)),
        day=_link(day),
        day_total=str(day.total) if day else "0",
    )
    return before if before != Before() else None


def _link(row: LinkRow | None) -> bytes:
    return row.link if row is not None else b""


def _text_or_bytes(body: bytes | None) -> tuple[str | None, bytes | None]:
    if body is None:
        return None, None
    try:
        return body.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, body


def _lossless(record: bytes | None) -> str:
    """A record is JSON; one that was made no UTF-8 by hand cannot be the committed one whatever stands here."""
    return (record or b"").decode("utf-8", "replace")
