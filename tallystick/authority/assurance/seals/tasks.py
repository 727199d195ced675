"""Seals the days that have ended, two hours later, and revises those that have grown since, once a day.

Idempotent: a seal is a row first, then an entry of the ledger; a crash between the two repeats the entry, which the
ledger knows by its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo

from tallystick.authority.assurance.seals import store
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import epoch_day, from_unix_ms, unix_ms
from tallystick.wire.day_seal import DayFold, seal_hash, write_seal

SEALED_AFTER = timedelta(hours=2)
"""How long a day stays open after its local end (security 5.7)."""
_JSON = "application/json"
Append = Callable[[NewEntry], int]
"""Books an entry behind the gate; its index, the first one for the same bytes."""


def seal_days(conn: Connection, append: Append, zone: tzinfo, clock: Callable[[], datetime]) -> int:
    """Seal what is due and enter it in the ledger; how many seals were made."""
    made = 0
    while _seal_next(conn, zone, clock()):
        conn.commit()
        made += 1
    conn.commit()
    for seal in store.unpublished(conn):
        conn.commit()
        store.number_entry(conn, seal.number, append(_entry(seal)))
        conn.commit()
    return made


def newest_ended_day(now: datetime, zone: tzinfo) -> int:
    """The newest day whose local end lies two hours back, in days since 1970."""
    return epoch_day((now - SEALED_AFTER).astimezone(zone)) - 1


def _seal_next(conn: Connection, zone: tzinfo, now: datetime) -> bool:
    """Seal one day that is due; false when none is. The documents are read outside the transaction that keeps it."""
    ended = newest_ended_day(now, zone)
    day = next(_due(conn, ended, zone), None)
    if day is None:
        return False
    size, last_seq = ledger.acked_size(conn), ledger.day_length(conn, day)
    fold = fold_day(conn, day, last_seq, conn.commit)
    store.lock(conn)
    before = store.newest_revisions(conn).get(day)
    if before is not None and before.last_seq >= fold.seq:
        return True  # somebody else has sealed it meanwhile
    number, previous = store.newest(conn)
    revision, former = (before.revision + 1, before.seal_hash) if before else (1, b"")
    seal = fold.seal(day, number=number + 1, revision=revision, previous=previous, former=former, size=size)
    body = write_seal(seal)
    store.add(
        conn,
        number=number + 1,
        day=day,
        revision=revision,
        last_seq=fold.seq,
        body=body,
        seal_hash=seal_hash(body),
        made_at=now,
        made_for=ended,
    )
    return True


def _due(conn: Connection, ended: int, zone: tzinfo) -> Iterator[int]:
    """Days to seal, oldest first: every day since the ledger's first entry, and odd ones that documents name."""
    began_ms = ledger.first_received_ms(conn)
    if began_ms is None:
        return
    lengths, sealed = ledger.day_lengths(conn), store.newest_revisions(conn)
    first = epoch_day(from_unix_ms(began_ms).astimezone(zone))
    for day in sorted({*range(first, ended + 1), *(day for day in lengths if day <= ended)}):
        known = sealed.get(day)
        if known is None or (lengths.get(day, 0) > known.last_seq and known.made_for < ended):
            yield day


def fold_day(conn: Connection, day: int, last_seq: int, between_pages: Callable[[], object]) -> DayFold:
    """The day's first ``last_seq`` documents; what was booked does not change, so no transaction need span them.

    Raises ``ValueError`` where one lacks.
    """
    fold = DayFold()
    while page := ledger.day_page(conn, day, fold.seq, last_seq):
        for seq, record, link in page:
            fold.add(record, seq, link)
        between_pages()
    if fold.seq != last_seq:
        raise ValueError(f"day {day} has {fold.seq} of {last_seq} documents")
    return fold


def _entry(seal: store.Unpublished) -> NewEntry:
    return NewEntry(
        kind=EntryKind.DAY_SEAL,
        channel=Channel.NONE,
        body=seal.body,
        media_type=_JSON,
        received_at_ms=unix_ms(seal.made_at),
    )
