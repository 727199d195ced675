"""Completes a recovered database from the mirror, has erasures carried out again, and judges the outcome."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.findings import Finding
from tallystick.authority.ledger.known_heads import Judged, KnownHead, Standing, judge
from tallystick.authority.ledger.mirror import MirrorDamaged
from tallystick.authority.ledger.replay import Replay, Replayed
from tallystick.authority.ledger.store import load_tree_state
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.ops.authority_keys import check_note
from tallystick.ops.backup.sources import Notes, Sources
from tallystick.ops.erasures import erase_again
from tallystick.ops.schema.roles import ERASER, SEQUENCER, as_role

Connection = psycopg.Connection[Any]
_EVENTS_SHOWN = 50


@attrs.define(slots=True, kw_only=True)
class Outcome:
    """What came out. ``lost`` is how many entries somebody has a signed head of, and nobody the entries."""

    restored_size: int = 0
    restored_at: datetime | None = None
    replayed: Replayed | None = None
    erased: int = 0
    size: int = 0
    heads: Sequence[Judged] = ()
    findings: Sequence[Finding] = ()
    troubles: list[str] = attrs.Factory(list)
    seconds: dict[str, float] = attrs.Factory(dict)

    @property
    def newest_known(self) -> int:
        """The largest size that anybody has a signed head of."""
        return max((one.known.size for one in self.heads), default=0)

    @property
    def lost(self) -> int:
        """Entries that are known of and are not here."""
        return max(0, self.newest_known - self.size)

    @property
    def is_complete(self) -> bool:
        """Whether the ledger is whole and holds everything that anybody knows of."""
        return not (self.troubles or self.findings or self.lost) and all(
            one.standing is Standing.CONTAINED for one in self.heads
        )


def complete(
    dsn: str,
    sources: Sources,
    notes: Callable[[Connection], Notes],
    at: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Book again what the mirror holds beyond the tables, erase again, and check the whole ledger.

    Writes to the database of ``dsn`` (the owner's), and to the mirror where that ends before the tables do. What is
    wrong is in the outcome; raises ``TS-3185`` while a sequencer writes there.
    """
    outcome = Outcome()
    with psycopg.connect(dsn, autocommit=True) as conn:
        newest = load_tree_state(conn)
        outcome.restored_size = newest.size
        outcome.restored_at = from_unix_ms(newest.closed_at_ms) if newest.size else None
        keys, known = _known(sources, notes, conn, outcome)
    with timed(outcome, "booking again"):
        _replay(dsn, sources, keys, at, outcome)
    told = SweepSources(mirror_folder=sources.mirror, keys=tuple(keys), check=check_note)
    try:
        with psycopg.connect(dsn, autocommit=True) as conn:
            outcome.size = load_tree_state(conn).size
            outcome.heads = judge(conn, known)
        with timed(outcome, "checking"):
            outcome.findings = full_check(dsn, told, progress)
    except psycopg.Error as error:  # a page that the server itself does not believe
        outcome.troubles.append(f"the database cannot be read: {str(error).strip()}")
    return outcome


def _known(
    sources: Sources, notes: Callable[[Connection], Notes], conn: Connection, outcome: Outcome
) -> tuple[list[Any], list[KnownHead]]:
    try:
        found = list(notes(conn))
    except (MirrorDamaged, Fault, OSError) as error:
        outcome.troubles.append(f"known heads cannot be read: {error}")
        found = []
    try:
        keys = sources.keys(conn)
    except (Fault, MirrorDamaged) as error:
        outcome.troubles.append(f"the keys of the log: {error}")
        keys = [sources.first_key]
    return keys, sources.known(found, keys)


def _replay(dsn: str, sources: Sources, keys: Sequence[Any], at: datetime, outcome: Outcome) -> None:
    try:
        replay = Replay(as_role(dsn, SEQUENCER), "restore", unix_ms(at))
    except Fault as fault:
        if fault.code == "TS-3185":
            raise
        outcome.troubles.append(str(fault))
        return
    try:
        outcome.replayed = replay.run(sources.mirror, keys, check_note)
        with psycopg.connect(dsn, autocommit=True) as conn:
            outcome.erased = erase_again(conn, as_role(dsn, ERASER), outcome.troubles.append)
        replay.settle_mirror(sources.mirror)
    except (Fault, psycopg.Error) as error:
        outcome.troubles.append(str(error).strip())
    finally:
        replay.close()


@contextmanager
def timed(outcome: Outcome, name: str) -> Iterator[None]:
    """Note how long a part took."""
    began = time.monotonic()
    yield
    outcome.seconds[name] = time.monotonic() - began


def lines(outcome: Outcome) -> Iterator[str]:
    """The outcome for people."""
    when = f", the last one of {outcome.restored_at:%Y-%m-%d %H:%M:%S} UTC" if outcome.restored_at else ""
    yield f"restored         {outcome.restored_size:>12,} entries{when}"
    again = outcome.replayed
    if again is not None and again.entries:
        span = (
            f"{from_unix_ms(again.first_ms):%Y-%m-%d %H:%M:%S} to {from_unix_ms(again.last_ms):%Y-%m-%d %H:%M:%S} UTC"
        )
        yield f"booked again     {again.entries:>12,} entries from the mirror, received {span}"
    else:
        yield f"booked again     {0:>12,} entries: the mirror holds no more than the database"
    yield f"erased again     {outcome.erased:>12,} bodies"
    yield f"known elsewhere  {outcome.newest_known:>12,} entries"
    yield f"lost             {outcome.lost:>12,} entries"
    yield from (f"head  {one}" for one in outcome.heads)
    yield from (f"finding  {one}" for one in outcome.findings)
    yield from (f"trouble  {one}" for one in outcome.troubles)
    yield from _events(again)
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in outcome.seconds.items())
    yield f"time             {sum(outcome.seconds.values()):>12.1f} s ({parts})"


def _events(again: Replayed | None) -> Iterator[str]:
    """Entries of which the tables of other rooms may know nothing: what they tell must be done again by hand."""
    if again is None or not again.events:
        return
    names = Counter(EntryKind(kind).name.lower().replace("_", " ") for _, kind in again.events)
    counted = ", ".join(f"{count} {name}" for name, count in sorted(names.items()))
    yield f"told by entries that were booked again: {counted}; see what the tables of these rooms lack:"
    for index, kind in again.events[:_EVENTS_SHOWN]:
        yield f"  entry {index}  {EntryKind(kind).name.lower().replace('_', ' ')}"
    if len(again.events) > _EVENTS_SHOWN:
        yield f"  and {len(again.events) - _EVENTS_SHOWN} more"
