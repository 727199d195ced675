"""The self-check's walk along the log: each entry against its record, body, links, identity, tiles and mirror.

It recomputes all five sequences from the bodies alone and compares what every table says at that place. A contradiction
is told with all that show it; then the walk goes on from what is stored, so that one wrong row is one finding.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Finding, FindingCode, Shows, finding
from tallystick.authority.ledger.growing_tree import FullTile, GrowingTree
from tallystick.authority.ledger.mirror import Frame, MirrorDamaged, MirrorEntry, read_frames, segments
from tallystick.authority.ledger.rows import wrap_64
from tallystick.authority.ledger.store import load_tree_state
from tallystick.authority.ledger.sweep_rows import (
    LINK_TABLES,
    Connection,
    EntryRow,
    IdentityRow,
    Key,
    LinkRow,
    Snapshot,
    read_entries,
    read_heads_between,
    read_identities,
    read_links,
    read_tiles,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import (
    day_genesis,
    day_link,
    device_genesis,
    device_link,
    record_commitment,
    sha256,
    taxpayer_genesis,
    taxpayer_link,
    type_genesis,
    type_link,
)
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.leaf import Leaf, read_leaf
from tallystick.wire.record import Record, read_record
from tallystick.wire.signed_note import Check, NoteKey, parse_checkpoint, parse_note, verify_note
from tallystick.wire.tiles import TILE_HEIGHT, TILE_WIDTH

CHUNK_ENTRIES = 8 * TILE_WIDTH
_DOCUMENT = int(EntryKind.DOCUMENT)
_REGISTRY = int(EntryKind.REGISTRY)
_ALL_LINKS = (Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY)

Report = Callable[[Finding], None]


@attrs.define(slots=True)
class Standing:
    """Where a recomputed sequence stands."""

    seq: int
    link: bytes
    total: int = 0


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
    """Goes over the entries ``start`` to ``end``; ``start`` is a multiple of 256, and ``tree`` the tree before it."""

    connection: Connection
    snapshot: Snapshot
    report: Report
    tree: GrowingTree
    end: int
    keys: tuple[NoteKey, ...] = ()
    check: Check | None = None
    mirror: Iterator[Frame] | None = None
    whole: bool = True
    standings: dict[Shows, dict[Key, Standing]] = attrs.Factory(lambda: {shows: {} for shows in _ALL_LINKS})
    incomplete: set[int] = attrs.Factory(set)
    booked: dict[str, int] = attrs.Factory(lambda: dict.fromkeys(("leaves", "records", "bodies", "identity"), 0))
    referred: dict[Shows, int] = attrs.Factory(lambda: dict.fromkeys(_ALL_LINKS, 0))
    registrations: dict[Key, tuple[int, bytes]] = attrs.Factory(dict)
    _mirror_frame: Frame | None = None
    _batch: int | None = None
    _noted: int = 0
    tree_ends: bool = False

    def run(self, progress: Callable[[int, int], None]) -> None:
        """Walk to the end, chunk by chunk."""
        start = self.tree.size
        for first in range(start, self.end, CHUNK_ENTRIES):
            last = min(first + CHUNK_ENTRIES, self.end)
            self._chunk(first, last)
            progress(last - start, self.end - start)

    # --- one chunk ---------------------------------------------------------------------------------------------

    def _chunk(self, first: int, last: int) -> None:
        rows = read_entries(self.connection, first, last)
        states, notes = read_heads_between(self.connection, first, last)
        entries = {index: self._read(index, row) for index, row in rows.items()}
        self._join_links([entry for entry in entries.values() if entry is not None])
        numbers, events = self._identities([entry for entry in entries.values() if entry is not None])
        tiles: list[FullTile] = []
        for index in range(first, last):
            entry = entries.get(index)
            mirrored = self._next_mirrored(index)
            if entry is None:
                leaf = self._missing_leaf(index, rows.get(index), mirrored)
            else:
                self.booked["leaves"] += 1
                self._entry(entry, mirrored, numbers, events)
                leaf = entry.row.leaf
            self.tree_ends = self.tree_ends or leaf is None
            if leaf is not None and not self.tree_ends:
                tiles += self.tree.append(leaf_hash(leaf))
                self._heads(index + 1, states, notes)
        self._tiles(tiles)

    def _read(self, index: int, row: EntryRow) -> Read | None:
        try:
            entry = Read(index, row, read_leaf(row.leaf))
        except Fault:
            return None
        if row.record is None:
            return entry
        try:
            entry.record = read_record(row.record)
            entry.keys = _keys_of(entry.record)
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
        numbers = (_number_of(record) for record in records if record.kind == str(_DOCUMENT))
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
        self._against_mirror(entry, mirrored)
        record = self._against_record(entry, mirrored)
        body_hash = self._against_body(entry, record)
        if record is None:
            return
        if body_hash is None:
            body_hash = bytes.fromhex(record.body_hash)
        if record.kind == str(_REGISTRY) and record.device:
            self._registration(entry, record)
        for shows, (key, seq) in entry.keys.items():
            self._against_link(entry, record, shows, key, seq, body_hash)
        if record.kind == str(_DOCUMENT):
            identity = numbers.get(_number_of(record))
        else:
            identity = events.get(bytes.fromhex(record.body_hash))
        self._against_identity(entry, record, identity, mirrored)

    def _against_mirror(self, entry: Read, mirrored: MirrorEntry | None) -> None:
        if self.mirror is None or not self.whole:
            return
        row = entry.row
        ours = MirrorEntry(entry.index, row.leaf, row.salt or b"", row.record or b"", row.body or b"")
        if mirrored != ours:
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
            return None
        if record.taxpayer != row.tin or record.kind != str(entry.leaf.kind):
            detail = "record and leaf are of different taxpayers or kinds"
            self.report(finding(FindingCode.RECORD_CHANGED, place, detail, Shows.LOG, Shows.TAXPAYER))
        return record

    def _against_body(self, entry: Read, record: Record | None) -> bytes | None:
        """The hash of the stored body; every sequence that linked another one shows it."""
        row, place = entry.row, f"entry {entry.index}"
        linked = {shows: link.body_hash for shows, link in entry.links.items() if link.log_index == entry.index}
        if row.body is None:
            self.incomplete.add(entry.index)
            shows = frozenset({Shows.LOG, *linked})
            self.report(Finding(FindingCode.BODY_MISSING, place, "record and links know a body", shows))
            return None
        self.booked["bodies"] += 1
        body_hash = sha256(row.body)
        against = {shows for shows, known in linked.items() if known != body_hash}
        if record is not None and record.body_hash != body_hash.hex():
            against.add(Shows.LOG)
        if len(against) > 1:
            detail = "the body is not the one that was booked"
            self.report(Finding(FindingCode.BODY_CHANGED, place, detail, frozenset(against)))
        if record is not None and record.media_type != row.media_type:
            self.report(finding(FindingCode.BODY_CHANGED, place, "another media type", Shows.LOG, *linked))
        return body_hash

    def _registration(self, entry: Read, record: Record) -> None:
        requested_by, _, signed_by = record.device.partition("-")
        key: Key = (signed_by, requested_by)
        if key not in self.standings[Shows.DEVICE]:
            certificate = bytes.fromhex(record.certificate_hash)
            link = device_genesis(record.device, certificate, leaf_hash(entry.row.leaf))
            self.standings[Shows.DEVICE][key] = Standing(0, link)
            self.registrations[key] = (entry.index, certificate)

    def _against_link(self, entry: Read, record: Record, shows: Shows, key: Key, seq: int, body_hash: bytes) -> None:
        place, row = f"entry {entry.index}, {shows} {_text(key)} no. {seq}", entry.links.get(shows)
        self.referred[shows] += 1
        standing = self._standing(shows, key)
        leaf_link: bytes = getattr(entry.leaf, f"{shows}_link")
        amount = int(record.day_amount or "0")
        if standing is not None:
            if seq != standing.seq + 1:
                detail = f"number {standing.seq + 1} should follow"
                self.report(finding(FindingCode.LINK_BROKEN, place, detail, shows, Shows.LOG))
            standing.total += amount
            expected = _next_link(shows, standing, key, seq, body_hash)
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
        said = (entry.index, record.body_hash, record.verdict)
        act_hash = record.act_hash if record.kind == str(_DOCUMENT) else record.body_hash
        if (identity.log_index, identity.body_hash.hex(), str(identity.verdict)) != said:
            detail = "index, body or verdict is another"
            self.report(Finding(FindingCode.IDENTITY_DIFFERS, place, detail, frozenset(shows)))
        elif identity.act_hash.hex() != act_hash:
            self.report(Finding(FindingCode.IDENTITY_DIFFERS, place, "another act", frozenset(shows)))

    # --- the tree ----------------------------------------------------------------------------------------------

    def _heads(self, size: int, states: dict[int, tuple[int, bytes]], notes: dict[int, bytes]) -> None:
        state, note, place = states.get(size), notes.get(size), f"tree of {size}"
        if state is None and note is None:
            return
        if note is not None:
            self._noted = size
        root = self.tree.frontier.root()
        signed = self._signed_root(note, place) if note is not None else None
        if note is not None and signed != root:
            detail = "the signed root is not that of the leaves"
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, place, detail, Shows.CHECKPOINT, Shows.LOG))
        if state is None:
            detail = "a head was signed for a batch that tree_state does not know"
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.CHECKPOINT, Shows.LOG))
            return
        if state[1] != root:
            shows = (Shows.LOG, Shows.CHECKPOINT) if signed == root else (Shows.LOG,)
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, "another root than the leaves have", *shows))
        if self._batch is not None and state[0] != self._batch + 1:
            detail = f"batch {state[0]} follows batch {self._batch}"
            self.report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.LOG))
        if note is None and size < self.snapshot.tree.size:
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, place, "the batch has no signed head", Shows.LOG))
        self._batch = state[0]

    def _signed_root(self, note: bytes, place: str) -> bytes | None:
        """The root of a checkpoint whose signature holds; None for any other."""
        try:
            parsed = parse_note(note)
            if self.check is not None:
                verify_note(parsed, self.keys, self.check)
            return parse_checkpoint(parsed.text).root
        except Fault as fault:
            detail = f"no checkpoint of this log: {fault.detail}"
            self.report(finding(FindingCode.CHECKPOINT_UNSIGNED, place, detail, Shows.CHECKPOINT, Shows.LOG))
            return None

    def _tiles(self, tiles: list[FullTile]) -> None:
        by_level: dict[int, list[FullTile]] = {}
        for tile in tiles:
            by_level.setdefault(tile.level, []).append(tile)
        for level, filled in by_level.items():
            stored = read_tiles(self.connection, level, filled[0].index, filled[-1].index + 1)
            for tile in filled:
                if stored.get(tile.index) != (tile.hashes, tile.root):
                    place = f"tile {tile.level}/{tile.index}"
                    detail = "another content than the leaves give" if tile.index in stored else "the tile lacks"
                    above = (tile.index + 1) << (TILE_HEIGHT * (tile.level + 1))
                    shows = (Shows.LOG, Shows.CHECKPOINT) if above <= self.snapshot.checkpoint_size else (Shows.LOG,)
                    self.report(finding(FindingCode.TILE_DIFFERS, place, detail, *shows))

    # --- the mirror --------------------------------------------------------------------------------------------

    def _next_mirrored(self, index: int) -> MirrorEntry | None:
        """The mirror's copy of an entry; checks the signed heads that it passes on the way."""
        if self.mirror is None:
            return None
        try:
            while True:
                frame = self._mirror_frame or next(self.mirror, None)
                self._mirror_frame = frame
                if frame is None or (frame.entry is not None and frame.entry.log_index > index):
                    return None
                self._mirror_frame = None
                if frame.entry is not None and frame.entry.log_index == index:
                    return frame.entry
                if frame.note is not None:
                    self.mirrored_head(frame.note)
        except MirrorDamaged as error:
            self.report(finding(FindingCode.MIRROR_DIFFERS, "mirror", str(error), Shows.MIRROR))
            self.mirror = None
            return None

    def pass_mirror_end(self) -> None:
        """After the last entry: the mirror may go on with what arrived meanwhile, and with one batch in work."""
        frames = [self._mirror_frame] if self._mirror_frame else []
        sealed, batches = 0, []
        try:
            for frame in itertools.chain(frames, self.mirror or ()):
                if frame.note is not None:
                    if not sealed:
                        self.mirrored_head(frame.note)
                    sealed = parse_checkpoint(parse_note(frame.note).text).size
                elif frame.batch is not None:
                    batches.append(frame.batch[1])
        except (MirrorDamaged, Fault) as error:
            self.report(finding(FindingCode.MIRROR_DIFFERS, "mirror", str(error), Shows.MIRROR))
        size = load_tree_state(self.connection).size
        if sealed > size or sum(1 for first in batches if first >= size) > 1:
            detail = f"the mirror goes on to {max(sealed, *batches, 0)} where the log ends"
            self.report(finding(FindingCode.MIRROR_DIFFERS, f"entry {size}", detail, Shows.MIRROR))

    def mirrored_head(self, note: bytes) -> None:
        """Compare a head that the mirror holds with the tree as walked so far."""
        try:
            head = parse_checkpoint(parse_note(note).text)
        except Fault as fault:
            self.report(finding(FindingCode.MIRROR_DIFFERS, "mirror", f"a head: {fault.detail}", Shows.MIRROR))
            return
        if head.size == self.tree.size and head.root != self.tree.frontier.root():
            detail = "the mirror holds a signed head with another root"
            self.report(
                finding(FindingCode.CHECKPOINT_DIFFERS, f"tree of {head.size}", detail, Shows.MIRROR, Shows.LOG)
            )
        elif head.size == self.tree.size != self._noted and head.size < self.snapshot.tree.size:
            detail = "the mirror holds a signed head that the tables lack"
            self.report(finding(FindingCode.CHECKPOINT_DIFFERS, f"tree of {head.size}", detail, Shows.MIRROR))


def mirror_frames(folder: Path) -> Iterator[Frame]:
    """All frames of a mirror in their order."""
    for segment in segments(folder):
        yield from read_frames(segment)


def _keys_of(record: Record) -> dict[Shows, tuple[Key, int]]:
    """Key and number of an entry in each of its sequences; ``ValueError`` when the record lacks one."""
    keys: dict[Shows, tuple[Key, int]] = {Shows.TYPE: ((int(record.type),), int(record.type_seq))}
    if record.kind == str(_DOCUMENT):
        requested_by, dash, signed_by = record.device.partition("-")
        if not dash:
            raise ValueError("a document without a device")
        keys[Shows.DEVICE] = ((signed_by, requested_by), int(record.device_seq))
        keys[Shows.TAXPAYER] = ((record.taxpayer,), int(record.taxpayer_seq))
        keys[Shows.DAY] = ((int(record.day),), int(record.day_seq))
        int(record.se_total)
    return keys


def _number_of(record: Record) -> tuple[str, str, int]:
    requested_by, _, signed_by = record.device.partition("-")
    return signed_by, requested_by, int(record.se_total)


def _next_link(shows: Shows, standing: Standing, key: Key, seq: int, body_hash: bytes) -> bytes:
    if shows is Shows.DEVICE:
        return device_link(standing.link, seq, body_hash)
    if shows is Shows.TAXPAYER:
        return taxpayer_link(standing.link, seq, body_hash)
    assert isinstance(key[0], int)
    if shows is Shows.TYPE:
        return type_link(standing.link, key[0], seq, body_hash)
    return day_link(standing.link, key[0], seq, body_hash, standing.total)


def _text(key: Key) -> str:
    return "/".join(str(part) for part in key)
