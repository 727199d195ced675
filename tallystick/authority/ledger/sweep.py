"""The ledger's self-check: all of it, or its newest part. Reads only; a finding is a value, never an exception.

It proves what one machine can prove of itself: that bodies, records, five sequences, tree, signed heads, mirror and the
published checkpoint tell one story. What the operator could rewrite everywhere at once, witnesses hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import psycopg

from tallystick.authority.ledger.findings import Finding, FindingCode, Shows, finding
from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.authority.ledger.store import load_tree
from tallystick.authority.ledger.sweep_mirror import MirrorReader
from tallystick.authority.ledger.sweep_rows import Connection, Snapshot, may_see_salts, take_snapshot
from tallystick.authority.ledger.sweep_seals import check_seals
from tallystick.authority.ledger.sweep_tables import (
    check_counts,
    check_ordinals,
    check_sequences,
    check_sizes,
    check_standings,
)
from tallystick.authority.ledger.sweep_tree import Report, TreeCheck
from tallystick.authority.ledger.sweep_walk import Walk
from tallystick.authority.ledger.tasks import published_checkpoint
from tallystick.authority.ledger.tree import TreeReader
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import root_at
from tallystick.wire.signed_note import Check, Checkpoint, NoteKey
from tallystick.wire.tiles import TILE_WIDTH

FINDINGS_MAX = 1_000

Progress = Callable[[int, int], None]


@attrs.frozen(kw_only=True)
class SweepSources:
    """What lies beside the tables: mirror, published tiles, and the log's public keys with the way to check them."""

    mirror_folder: Path | None = None
    published_folder: Path | None = None
    keys: Sequence[NoteKey] = ()
    check: Check | None = None


def full_check(dsn: str, sources: SweepSources, progress: Progress = lambda done, total: None) -> list[Finding]:
    """Check the whole ledger as it stands now; entries that arrive meanwhile are left for the next time.

    Streams: memory goes by the number of devices and taxpayers, not by that of entries. At most 1,000 findings.
    ``progress`` is told (entries walked, entries in all).
    """
    published = _read_published(sources)  # before the snapshot: the log only grows
    with psycopg.connect(dsn, autocommit=True) as connection:
        snapshot = take_snapshot(connection)
        findings = _Findings()
        check_sizes(snapshot, findings.add)
        walk = _walk(connection, snapshot, sources, GrowingTree(), findings.add)
        walk.run(progress)
        walk.mirror.pass_end(connection)
        check_standings(snapshot, walk, findings.add)
        check_sequences(connection, snapshot, walk, findings.add)
        check_ordinals(connection, snapshot, walk, findings.add)
        check_counts(connection, snapshot, walk, findings.add)
        check_seals(connection, walk, findings.add)
        _check_published(connection, snapshot, published, findings.add)
    return findings.found


def quick_check(dsn: str, sources: SweepSources, *, newest: int = 10_000) -> list[Finding]:
    """Check the newest entries, from a whole tile on: bodies, records, their links, identity, tree, signed heads."""
    published = _read_published(sources)  # before the snapshot: the log only grows
    with psycopg.connect(dsn, autocommit=True) as connection:
        snapshot = take_snapshot(connection)
        findings = _Findings()
        check_sizes(snapshot, findings.add)
        start = max(0, snapshot.size - newest) // TILE_WIDTH * TILE_WIDTH
        try:
            tree = load_tree(connection, start)
        except ValueError as error:
            return [finding(FindingCode.TILE_DIFFERS, f"tree of {start}", str(error), Shows.LOG)]
        walk = _walk(connection, snapshot, attrs.evolve(sources, mirror_folder=None), tree, findings.add)
        walk.run(lambda done, total: None)
        _check_published(connection, snapshot, published, findings.add)
    return findings.found


def _walk(connection: Connection, snapshot: Snapshot, sources: SweepSources, tree: GrowingTree, report: Report) -> Walk:
    whole = tree.size == 0
    grown = TreeCheck(connection, snapshot, report, tree, tuple(sources.keys), sources.check)
    mirror = MirrorReader(sources.mirror_folder, grown, report)
    salts = may_see_salts(connection)
    return Walk(connection, snapshot, report, grown, mirror, snapshot.size, whole, salts)


class _Findings:
    """Collects findings up to a bound, so that a wrecked ledger still gives an answer."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, new: Finding) -> None:
        if len(self.found) < FINDINGS_MAX:
            self.found.append(new)


def _read_published(sources: SweepSources) -> Checkpoint | Fault | None:
    """The checkpoint that is out, or what is wrong with its file."""
    if sources.published_folder is None:
        return None
    try:
        return published_checkpoint(sources.published_folder)
    except Fault as fault:
        return fault


def _check_published(
    connection: Connection,
    snapshot: Snapshot,
    head: Checkpoint | Fault | None,
    report: Callable[[Finding], None],
) -> None:
    """The checkpoint that is out must be a head of this tree."""
    place = "published checkpoint"
    if isinstance(head, Fault):
        report(finding(FindingCode.PUBLISHED_DIFFERS, place, str(head), Shows.PUBLISHED))
    elif head is not None and head.size > snapshot.tree.size:
        detail = f"{head.size} entries are out, the ledger has {snapshot.tree.size}"
        report(finding(FindingCode.PUBLISHED_DIFFERS, place, detail, Shows.PUBLISHED))
    elif head is not None:
        _check_root(connection, snapshot, head, report)


def _check_root(
    connection: Connection, snapshot: Snapshot, head: Checkpoint, report: Callable[[Finding], None]
) -> None:
    try:
        same = root_at(head.size, TreeReader(connection, snapshot.tree.size).hash_at) == head.root
        detail = f"the tree of {head.size} entries has another root"
    except LookupError as error:
        same, detail = False, str(error)
    if not same:
        report(finding(FindingCode.PUBLISHED_DIFFERS, "published checkpoint", detail, Shows.PUBLISHED))
