"""The self-check's passes over single tables: each sequence by itself, its head, and the ordinals of each device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tallystick.authority.ledger.findings import FindingCode, Shows, finding
from tallystick.authority.ledger.rows import wrap_64
from tallystick.authority.ledger.sweep_rows import (
    LINK_TABLES,
    Connection,
    LinkRow,
    LinkTable,
    Snapshot,
    count_rows,
    page_links,
    page_ordinals,
)
from tallystick.authority.ledger.sweep_tree import Report
from tallystick.authority.ledger.sweep_walk import Walk
from tallystick.wire.tiles import full_tiles


def check_sequences(connection: Connection, snapshot: Snapshot, walk: Walk, report: Report) -> None:
    """Each link table in its own order: no number lacks, the head is its end, and it knows what the log lacks."""
    for table in LINK_TABLES:
        _check_table(connection, table, snapshot, walk, report)


def _check_table(connection: Connection, table: LinkTable, snapshot: Snapshot, walk: Walk, report: Report) -> None:
    heads, seen, rows = dict(snapshot.heads[table.shows]), set(), 0
    below = (row for row in page_links(connection, table) if row.log_index < snapshot.size)
    for key, links in groupby(below, key=lambda row: row.key):
        seen.add(key)
        last = None
        for row in links:
            rows += 1
            _check_place(table, last, row, walk, report)
            _witness(table, row, walk, report)
            last = row
        head = heads.get(key)
        if last is None or head is None or (head.seq, head.link) != (last.seq, last.link):
            place = f"{table.shows} {key}"
            detail = "the head is not the end of the sequence"
            report(finding(FindingCode.HEAD_DIFFERS, place, detail, table.shows, Shows.LOG))
    for key, head in heads.items():
        if key not in seen and head.seq:
            detail = f"the head knows {head.seq} links, and there is none"
            report(finding(FindingCode.HEAD_DIFFERS, f"{table.shows} {key}", detail, table.shows, Shows.LOG))
    if rows > walk.referred[table.shows] and not walk.incomplete:
        detail = f"{rows} links, and the log knows {walk.referred[table.shows]}"
        report(finding(FindingCode.LINK_WITHOUT_ENTRY, str(table.shows), detail, table.shows, Shows.LOG))


def _check_place(table: LinkTable, last: LinkRow | None, row: LinkRow, walk: Walk, report: Report) -> None:
    wanted = last.seq + 1 if last else 1
    is_settled = table.shows is Shows.DEVICE and walk.settled.ends(row.key, wanted, row.seq)
    if row.seq != wanted and not is_settled:
        detail = f"number {wanted} lacks before number {row.seq}"
        report(finding(FindingCode.LINK_MISSING, f"{table.shows} {row.key}", detail, table.shows))


def _witness(table: LinkTable, row: LinkRow, walk: Walk, report: Report) -> None:
    """Where the log cannot say what an entry was, its links can."""
    if row.log_index in walk.incomplete:
        place = f"entry {row.log_index}"
        detail = f"the {table.shows} sequence has it as no. {row.seq} of {row.key}, body {row.body_hash.hex()}"
        report(finding(FindingCode.LINK_WITHOUT_ENTRY, place, detail, table.shows))


def check_standings(snapshot: Snapshot, walk: Walk, report: Report) -> None:
    """Heads and totals against what the walk has recomputed from bodies and records."""
    for shows, heads in snapshot.heads.items():
        for key, standing in walk.standings[shows].items():
            head, place = heads.get(key), f"{shows} {key}"
            if head is None or (head.seq, head.link) != (standing.seq, standing.link):
                detail = "the head is not what the bodies give"
                report(finding(FindingCode.HEAD_DIFFERS, place, detail, shows, Shows.LOG))
            elif head.total != wrap_64(standing.total):
                detail = f"the total is {head.total}, the records give {standing.total}"
                report(finding(FindingCode.TOTAL_DIFFERS, place, detail, shows, Shows.LOG))
    for key, registration in walk.registrations.items():
        head = snapshot.heads[Shows.DEVICE].get(key)
        if head is not None and (head.registration_index, head.certificate_hash, head.tin) != registration:
            detail = "the head names another registration, certificate or taxpayer"
            report(finding(FindingCode.HEAD_DIFFERS, f"device {key}", detail, Shows.DEVICE, Shows.LOG))


def check_ordinals(connection: Connection, snapshot: Snapshot, walk: Walk, report: Report) -> None:
    """Every ordinal up to a device's highest is booked or a known hole: highest - holes = documents.

    A settled place is a hole for ever; it takes numbers of the sequence without a document.
    """
    devices = dict(snapshot.heads[Shows.DEVICE])
    booked = ((key, ordinal) for key, ordinal, index in page_ordinals(connection) if index < snapshot.size)
    for key, numbers in groupby(booked, key=lambda pair: pair[0]):
        head, place = devices.pop(key, None), f"device {key}"
        spans = walk.settled.spans.get(key, ())
        booked_twice: list[int] = []
        highest, count, missing = _ranges(_outside((ordinal for _, ordinal in numbers), spans, booked_twice))
        if booked_twice:
            detail = f"number {booked_twice[0]} is booked, and settled as lost"
            report(finding(FindingCode.HOLES_DIFFER, place, detail, Shows.IDENTITY, Shows.LOG))
        documents = -1 if head is None else head.seq - walk.settled.count(key)
        if missing != snapshot.holes.get(key, ()):
            detail = "the holes are not what the booked numbers leave open"
            report(finding(FindingCode.HOLES_DIFFER, place, detail, Shows.HOLES, Shows.IDENTITY, Shows.DEVICE))
        if head is None or (head.highest, documents) != (highest, count):
            detail = f"{count} numbers up to {highest} are booked, and the head says otherwise"
            report(finding(FindingCode.HOLES_DIFFER, place, detail, Shows.IDENTITY, Shows.DEVICE))
        elif head.missing != head.highest - documents:
            detail = "the count of missing ordinals is wrong"
            report(finding(FindingCode.HOLES_DIFFER, place, detail, Shows.HOLES, Shows.DEVICE))
    for key, head in devices.items():
        if head.seq != walk.settled.count(key) or head.highest or head.missing or snapshot.holes.get(key):
            detail = "no number of this device is booked"
            report(finding(FindingCode.HOLES_DIFFER, f"device {key}", detail, Shows.IDENTITY, Shows.DEVICE))


def _outside(ordinals: Iterator[int], spans: Sequence[tuple[int, int]], inside: list[int]) -> Iterator[int]:
    """All of them; those that stand in a settled place are noted in ``inside``."""
    for ordinal in ordinals:
        if spans and any(first <= ordinal <= last for first, last in spans):
            inside.append(ordinal)
        yield ordinal


def _ranges(ordinals: Iterator[int]) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    highest, count = 0, 0
    missing: list[tuple[int, int]] = []
    for ordinal in ordinals:
        if ordinal > highest + 1:
            missing.append((highest + 1, ordinal - 1))
        highest, count = ordinal, count + 1
    return highest, count, tuple(missing)


def check_counts(connection: Connection, snapshot: Snapshot, walk: Walk, report: Report) -> None:
    """No table holds rows that no entry of the log brought."""
    counts = count_rows(connection, snapshot.size)
    for table in ("records", "bodies", "identity"):
        if counts[table] > walk.booked[table]:
            detail = f"{counts[table]} rows, and the log leads to {walk.booked[table]}"
            shows = (Shows.LOG, Shows.MIRROR) if walk.mirror.present else (Shows.LOG,)
            report(finding(FindingCode.ROWS_WITHOUT_ENTRY, table, detail, *shows))
    tiles, level = 0, 0
    while full_tiles(level, walk.tree.size):
        tiles += full_tiles(level, walk.tree.size)
        level += 1
    if counts["tiles"] > tiles and not walk.tree.ended:
        detail = f"{counts['tiles']} tiles, and the leaves fill {tiles}"
        report(finding(FindingCode.TILE_DIFFERS, "tiles", detail, Shows.LOG))


def check_sizes(snapshot: Snapshot, report: Report) -> None:
    """The three that tell the ledger's size must agree; the newest checkpoint may wait for the next batch."""
    size, place = snapshot.tree.size, f"tree of {snapshot.tree.size}"
    if snapshot.leaves != size:
        detail = f"there are leaves up to {snapshot.leaves}"
        report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.LOG))
    if snapshot.checkpoint_size > size:
        detail = f"a head of {snapshot.checkpoint_size} entries is signed"
        report(finding(FindingCode.TREE_STATE_DIFFERS, place, detail, Shows.CHECKPOINT))
