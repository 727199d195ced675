"""The self-check's walk along the log: each entry against its record, body, links, identity, tiles and mirror.

It recomputes all five sequences from the bodies alone and compares what every table says at that place. A contradiction
is told with all that show it; then the walk goes on from what is stored, so that one wrong row is one finding.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Finding, FindingCode, Shows, finding
from tallystick.authority.ledger.mirror import MirrorEntry
from tallystick.authority.ledger.months import month_of
from tallystick.authority.ledger.rows import wrap_64
from tallystick.authority.ledger.sweep_buyers import buyer_trouble
from tallystick.authority.ledger.sweep_keys import keys_of, number_of
from tallystick.authority.ledger.sweep_mirror import MirrorReader
from tallystick.authority.ledger.sweep_places import SettledPlaces
from tallystick.authority.ledger.sweep_rows import (
    LINK_TABLES,
    Connection,
    EntryRow,
    IdentityRow,
    Key,
    LinkRow,
    Snapshot,
    read_entries,
    read_entries_with_salts,
    read_identities,
    read_links,
)
from tallystick.authority.ledger.sweep_standing import Standing, next_link
from tallystick.authority.ledger.sweep_tree import Report, TreeCheck
from tallystick.authority.ledger.tombstones import erased_hash, same_but_erased
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import (
    day_genesis,
    device_genesis,
    record_commitment,
    sha256,
    taxpayer_genesis,
    type_genesis,
)
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.leaf import Leaf, read_leaf
from tallystick.wire.record import Record, read_record
from tallystick.wire.tiles import TILE_WIDTH

CHUNK_ENTRIES = 8 * TILE_WIDTH
_DOCUMENT = int(EntryKind.DOCUMENT)
_REGISTRY = int(EntryKind.REGISTRY)
_DAY_SEAL = int(EntryKind.DAY_SEAL)
_SETTLED = int(EntryKind.SETTLED_PLACE)
_ALL_LINKS = (Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY)


@attrs.define(slots=True)
class Read:
    """One entry with all that the tables say of it."""

    index: int
    row: EntryRow
    leaf: Leaf
    record: Record | None = None
    keys: dict[Shows, tuple[Key, int]] = attrs.Factory(dict)
    links: dict[Shows, LinkRow] = attrs.Factory(dict)


@attrs.define
class Walk:
    """Goes over the entries from where ``tree`` stands to ``end``; ``whole`` when it began at the first one.

    Without ``salts``, for a role that may not see them, commitments to buyers are left out.
    """

    connection: Connection
    snapshot: Snapshot
    report: Report
    tree: TreeCheck
    mirror: MirrorReader
    end: int
    whole: bool = True
    salts: bool = True
    standings: dict[Shows, dict[Key, Standing]] = attrs.Factory(lambda: {shows: {} for shows in _ALL_LINKS})
    incomplete: set[int] = attrs.Factory(set)
    booked: dict[str, int] = attrs.Factory(lambda: dict.fromkeys(("leaves", "records", "bodies", "identity"), 0))
    referred: dict[Shows, int] = attrs.Factory(lambda: dict.fromkeys(_ALL_LINKS, 0))
    registrations: dict[Key, tuple[int, bytes, str]] = attrs.Factory(dict)
    seals: list[tuple[int, bytes]] = attrs.Factory(list)
    settled: SettledPlaces = attrs.Factory(SettledPlaces)

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Walk to the end, chunk by chunk."""
        start = self.tree.size
        for first in range(start, self.end, CHUNK_ENTRIES):
            last = min(first + CHUNK_ENTRIES, self.end)
            self._chunk(first, last)
            progress(last - start, self.end - start)

    # --- one chunk ---------------------------------------------------------------------------------------------

    def _chunk(self, first: int, last: int) -> None:
        rows = (read_entries_with_salts if self.salts else read_entries)(self.connection, first, last)
        self.tree.open_span(first, last)
        entries = {index: self._read(index, row) for index, row in rows.items()}
        self._join_links([entry for entry in entries.values() if entry is not None])
        numbers, events = self._identities([entry for entry in entries.values() if entry is not None])
        for index in range(first, last):
            entry, mirrored = entries.get(index), self.mirror.next_entry(index)
            if entry is None:
                self.tree.grow(self._missing_leaf(index, rows.get(index), mirrored))
            else:
                self.booked["leaves"] += 1
                self._entry(entry, mirrored, numbers, events)
                self.tree.grow(entry.row.leaf)
        self.tree.close_span()

    def _read(self, index: int, row: EntryRow) -> Read | None:
        try:
            entry = Read(index, row, read_leaf(row.leaf))
        except Fault:
            return None
        if row.record is None:
            return entry
        try:
            entry.record = read_record(row.record)
            entry.keys = keys_of(entry.record)
        except (Fault, ValueError):
            entry.record, entry.keys = None, {}
        return entry

    def _join_links(self, entries: list[Read]) -> None:
        for table in LINK_TABLES:
            wanted = [(entry, entry.keys[table.shows]) for entry in entries if table.shows in entry.keys]
            found = read_links(self.connection, table, (key for _, key in wanted))
            for entry, key in wanted:
                if (row := found.get(key)) is not None:
                    entry.links[table.shows] = row

    def _identities(
        self, entries: list[Read]
    ) -> tuple[dict[tuple[str, str, int], IdentityRow], dict[bytes, IdentityRow]]:
        records = [entry.record for entry in entries if entry.record is not None]
        numbers = (number_of(record) for record in records if record.kind == str(_DOCUMENT))
        events = (bytes.fromhex(record.body_hash) for record in records if record.kind != str(_DOCUMENT))
        return read_identities(self.connection, numbers, events)

    def _missing_leaf(self, index: int, row: EntryRow | None, mirrored: MirrorEntry | None) -> bytes | None:
        """Report a leaf that lacks or cannot be read; the mirror's copy stands in for it, so that the tree goes on."""
        self.incomplete.add(index)
        code = FindingCode.LEAF_MISSING if row is None else FindingCode.LEAF_DAMAGED
        shows = (Shows.LOG,) if mirrored is None else (Shows.LOG, Shows.MIRROR)
        self.report(finding(code, f"entry {index}", "the log has no readable leaf here", *shows))
        if mirrored is not None:
            return mirrored.leaf
        return row.leaf if row is not None else None

    # --- one entry ---------------------------------------------------------------------------------------------

    def _entry(
        self,
        entry: Read,
        mirrored: MirrorEntry | None,
        numbers: dict[tuple[str, str, int], IdentityRow],
        events: dict[bytes, IdentityRow],
    ) -> None:
        erased = erased_hash(self.connection, entry.index, entry.row.media_type, entry.row.body, self.end)
        self._against_mirror(entry, mirrored, erased)
        record = self._against_record(entry, mirrored)
        body_hash = self._against_body(entry, record, erased)
        if record is None:
            return
        if self.salts:
            self._against_salt(entry, record, erased)
        if body_hash is None:
            body_hash = bytes.fromhex(record.body_hash)
        if record.kind == str(_REGISTRY) and record.device:
            self._registration(entry, record)
        if record.kind == str(_DAY_SEAL) and entry.row.body is not None:
            self.seals.append((entry.index, entry.row.body))
        for shows, (key, seq) in entry.keys.items():
            self._against_link(entry, record, shows, key, seq, body_hash)
        if record.kind == str(_DOCUMENT):
            identity = numbers.get(number_of(record))
        else:
            identity = events.get(bytes.fromhex(record.body_hash))
        self._against_identity(entry, record, identity, mirrored)

    def _against_salt(self, entry: Read, record: Record, erased: str) -> None:
        trouble = buyer_trouble(record, entry.row.buyer_salt, entry.row.body, erased=bool(erased))
        if trouble:
            self.report(finding(FindingCode.BUYER_DIFFERS, f"entry {entry.index}", trouble, Shows.LOG))

    def _against_mirror(self, entry: Read, mirrored: MirrorEntry | None, erased: str) -> None:
        if not self.mirror.present:
            return
        row = entry.row
        ours = MirrorEntry(entry.index, row.leaf, row.salt or b"", row.record or b"", row.body or b"")
        if mirrored != ours and not same_but_erased(ours, mirrored, erased):
            what = "has no copy of it" if mirrored is None else "holds another copy of it"
            place = f"entry {entry.index}"
            self.report(finding(FindingCode.MIRROR_DIFFERS, place, f"the mirror {what}", Shows.MIRROR))

    def _against_record(self, entry: Read, mirrored: MirrorEntry | None) -> Record | None:
        """The record, if leaf and record belong together; its absence is for the other sequences to fill in."""
        row, place = entry.row, f"entry {entry.index}"
        if row.record is None or row.salt is None:
            self.incomplete.add(entry.index)
            self.report(finding(FindingCode.RECORD_MISSING, place, "the leaf commits to a record", Shows.LOG))
            return None
        self.booked["records"] += 1
        if len(row.salt) != 32 or record_commitment(row.salt, row.record) != entry.leaf.record_commitment:
            shows = {Shows.LOG}
            if mirrored is not None and mirrored.record != row.record:
                shows.add(Shows.MIRROR)
            detail = "the record is not the one that the leaf commits to"
            self.report(Finding(FindingCode.RECORD_CHANGED, place, detail, frozenset(shows)))
        record = entry.record
        if record is None:
            self.incomplete.add(entry.index)
            self.report(finding(FindingCode.RECORD_CHANGED, place, "the record cannot be read", Shows.LOG))
            return None
        if record.taxpayer != row.tin or record.kind != str(entry.leaf.kind):
            detail = "record and leaf are of different taxpayers or kinds"
            self.report(finding(FindingCode.RECORD_CHANGED, place, detail, Shows.LOG, Shows.TAXPAYER))
        return record

    def _against_body(self, entry: Read, record: Record | None, erased: str) -> bytes | None:
        """The hash of the stored body, or of the one that was lawfully erased; who linked another one shows it."""
        row, place = entry.row, f"entry {entry.index}"
        linked = {shows: link.body_hash for shows, link in entry.links.items() if link.log_index == entry.index}
        if row.body is None:
            self.incomplete.add(entry.index)
            shows = frozenset({Shows.LOG, *linked})
            self.report(Finding(FindingCode.BODY_MISSING, place, "record and links know a body", shows))
            return None
        self.booked["bodies"] += 1
        body_hash = bytes.fromhex(erased) if erased else sha256(row.body)
        against = {shows for shows, known in linked.items() if known != body_hash}
        if record is not None and record.body_hash != body_hash.hex():
            against.add(Shows.LOG)
        if len(against) > 1:
            detail = "the body is not the one that was booked"
            self.report(Finding(FindingCode.BODY_CHANGED, place, detail, frozenset(against)))
        if record is not None and record.media_type != row.media_type and not erased:
            self.report(finding(FindingCode.BODY_CHANGED, place, "another media type", Shows.LOG, *linked))
        return body_hash

    def _registration(self, entry: Read, record: Record) -> None:
        requested_by, _, signed_by = record.device.partition("-")
        key: Key = (signed_by, requested_by)
        if key not in self.standings[Shows.DEVICE]:
            certificate = bytes.fromhex(record.certificate_hash)
            link = device_genesis(record.device, certificate, leaf_hash(entry.row.leaf))
            self.standings[Shows.DEVICE][key] = Standing(0, link)
            self.registrations[key] = (entry.index, certificate, record.taxpayer)

    def _against_link(self, entry: Read, record: Record, shows: Shows, key: Key, seq: int, body_hash: bytes) -> None:
        place, row = f"entry {entry.index}, {shows} {_text(key)} no. {seq}", entry.links.get(shows)
        self.referred[shows] += 1
        standing = self._standing(shows, key)
        settled = None
        if shows is Shows.DEVICE and record.kind == str(_SETTLED):
            settled = self.settled.take(key, seq, entry.row.body, standing, place, self.report)
        leaf_link: bytes = getattr(entry.leaf, f"{shows}_link")
        amount = int(record.day_amount or "0")
        if standing is not None:
            first = seq if settled is None else settled.first
            if first != standing.seq + 1:
                detail = f"number {standing.seq + 1} should follow"
                self.report(finding(FindingCode.LINK_BROKEN, place, detail, shows, Shows.LOG))
            standing.total += amount
            expected = next_link(shows, standing, key, seq, body_hash) if settled is None else settled.next
        else:
            expected = leaf_link
            standing = self.standings[shows][key] = Standing(seq, leaf_link, row.total if row else 0)
        if row is None:
            others = {other for other, link in entry.links.items() if link.log_index == entry.index}
            detail = f"the {shows} sequence has no such link"
            self.report(Finding(FindingCode.LINK_MISSING, place, detail, frozenset({Shows.LOG, *others})))
        else:
            self._compare_link(entry, shows, place, row, expected, body_hash)
            if shows is Shows.DAY and self.whole and row.total != wrap_64(standing.total):
                detail = "the day's running total differs from the records"
                self.report(finding(FindingCode.TOTAL_DIFFERS, place, detail, Shows.DAY, Shows.LOG))
        if leaf_link != expected:
            detail = "the leaf's link does not follow from the bodies"
            self.report(finding(FindingCode.LINK_BROKEN, place, detail, Shows.LOG, shows))
        standing.seq, standing.link = seq, leaf_link

    def _compare_link(
        self, entry: Read, shows: Shows, place: str, row: LinkRow, expected: bytes, body_hash: bytes
    ) -> None:
        if row.log_index != entry.index:
            detail = f"the link points to entry {row.log_index}"
            self.report(finding(FindingCode.LINK_CHANGED, place, detail, shows, Shows.LOG))
        if row.body_hash != body_hash:
            detail = "the link is over another body"
            self.report(finding(FindingCode.LINK_CHANGED, place, detail, shows, Shows.LOG))
        if row.link != expected:
            detail = "the link does not follow from the ones before"
            self.report(finding(FindingCode.LINK_BROKEN, place, detail, shows, Shows.LOG))

    def _standing(self, shows: Shows, key: Key) -> Standing | None:
        """Where the sequence stands; its beginning when it is met for the first time on a whole walk."""
        standing = self.standings[shows].get(key)
        if standing is not None or not self.whole:
            return standing
        if shows is Shows.DEVICE:
            return None
        if shows is Shows.TAXPAYER:
            head = self.snapshot.heads[shows].get(key)
            link = taxpayer_genesis(head.salt, str(key[0])) if head and len(head.salt) == 32 else bytes(32)
        else:
            assert isinstance(key[0], int)
            link = type_genesis(key[0]) if shows is Shows.TYPE else day_genesis(key[0])
        standing = self.standings[shows][key] = Standing(0, link)
        return standing

    def _against_identity(
        self, entry: Read, record: Record, identity: IdentityRow | None, mirrored: MirrorEntry | None
    ) -> None:
        place = f"entry {entry.index}, number {record.device} {record.se_total}"
        shows = {Shows.LOG}
        if mirrored is not None and mirrored.record == entry.row.record:
            shows.add(Shows.MIRROR)
        shows |= {other for other, link in entry.links.items() if link.body_hash.hex() == record.body_hash}
        if identity is None:
            detail = "no row says that this is booked"
            self.report(Finding(FindingCode.IDENTITY_DIFFERS, place, detail, frozenset(shows)))
            return
        self.booked["identity"] += 1
        said = (entry.index, record.body_hash, record.verdict, record.taxpayer, month_of(int(record.received_at)))
        act_hash = record.act_hash if record.kind == str(_DOCUMENT) else record.body_hash
        held = (identity.log_index, identity.body_hash.hex(), str(identity.verdict), identity.tin, identity.month)
        if held != said:
            detail = "index, body, verdict, taxpayer or month is another"
            self.report(Finding(FindingCode.IDENTITY_DIFFERS, place, detail, frozenset(shows)))
        elif identity.act_hash.hex() != act_hash:
            self.report(Finding(FindingCode.IDENTITY_DIFFERS, place, "another act", frozenset(shows)))


def _text(key: Key) -> str:
    return "/".join(str(part) for part in key)
