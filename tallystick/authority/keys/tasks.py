"""Background work of the room: events into the ledger, keys that retire, and the daily reconcile of uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Set
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol

import attrs

from tallystick.authority.keys import metrics, operations, store
from tallystick.authority.keys.use_journal import JournalledUse, read_journals
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.room_queries import Connection
from tallystick.crypto.policy import Use
from tallystick.kernel.instants import unix_ms

_BATCH = 100
_SHOWN = 5
_SLACK = timedelta(minutes=10)
"""How far a signature and its explanation may lie apart, across midnight."""


class BookedLike(Protocol):
    """What the ledger answers."""

    @property
    def index(self) -> int:
        """The entry's index."""


def publish_events(conn: Connection, append: Callable[[store.WaitingEvent], BookedLike]) -> int:
    """Hand every waiting event to ``append`` and note the index; returns how many were.

    ``append`` answers a repeated event with the first index, so a crash in between changes nothing.
    """
    published = 0
    while events := store.waiting_events(conn, _BATCH):
        conn.commit()
        for event in events:
            booked = append(event)
            store.note_index(conn, event.event_id, booked.index)
            conn.commit()
            published += 1
    return published


UNEXPLAINED = "TS-3034"
"""What a signature that nothing explains is told as."""


@attrs.frozen(slots=True, kw_only=True)
class Reconciled:
    """A day compared. ``unexplained``: signed, and nothing says why. ``unjournalled``: used, and no desk signed it."""

    day: date
    uses: int
    unexplained: tuple[JournalledUse, ...]
    unjournalled: tuple[tuple[str, str, bytes], ...]

    @property
    def is_clean(self) -> bool:
        """Whether every signature has its explanation."""
        return not self.unexplained


@attrs.frozen(slots=True)
class OtherBooks:
    """What other rooms know of signatures: ``heads`` gives the SHA-256 of the checkpoint text of every tree head that
    was committed between two moments (Unix ms); ``certificates`` which of some digests are of certificates and lists.
    """

    heads: Callable[[int, int], Iterable[bytes]]
    certificates: Callable[[Collection[bytes]], Set[bytes]]


def reconcile(conn: Connection, journals: Path, day: date, books: OtherBooks, *, now: datetime) -> Reconciled:
    """`compare` a day; the outcome is kept, counted, and written into the activity log."""
    found = compare(conn, journals, day, books)
    _note(conn, found, now)
    return found


def compare(conn: Connection, journals: Path, day: date, books: OtherBooks) -> Reconciled:
    """Compare what the key processes signed on a UTC day with what explains it. The journals are read first.

    A checkpoint is explained by the tree head that the ledger committed; certificate, list and timestamp by the
    register of the national PKI; everything else by its row in `keys.use`.
    Several signatures over the same bytes with the same key are one use: they were repeated.
    """
    start = datetime.combine(day, time.min, UTC)
    end = start + timedelta(days=1)
    journalled = {(use.label, use.use, use.digest): use for use in read_journals(journals, day, day)}
    checkpoints = {key[2] for key in journalled if key[1] == Use.SIGN_CHECKPOINT.name}
    if checkpoints:
        checkpoints -= set(books.heads(unix_ms(start - _SLACK), unix_ms(end + _SLACK)))
    issued = books.certificates({digest for _, name, digest in journalled if name in _ISSUING})
    unexplained = tuple(
        use
        for (label, name, digest), use in journalled.items()
        if not (name == Use.SIGN_CHECKPOINT.name and digest not in checkpoints)
        and not (name in _ISSUING and digest in issued)
        and not store.is_intended(conn, label, name, digest)
    )
    around = {
        (use.label, use.use, use.digest) for use in read_journals(journals, day - _ONE_DAY, day + _ONE_DAY)
    }  # a use near midnight stands in the neighbour's file
    unjournalled = tuple(use for use in store.completed_between(conn, start, end) if use not in around)
    return Reconciled(day=day, uses=len(journalled), unexplained=unexplained, unjournalled=unjournalled)


_ONE_DAY = timedelta(days=1)
_OF_THE_PKI = (
    Use.SIGN_CERTIFICATE_P256, Use.SIGN_CERTIFICATE_P384, Use.SIGN_REVOCATION_LIST, Use.SIGN_TIMESTAMP,
    Use.SIGN_TRUST_LIST, Use.SIGN_DEVICE_COMMAND,
)  # fmt: skip
_ISSUING = {use.name for use in _OF_THE_PKI}


def _note(conn: Connection, found: Reconciled, now: datetime) -> None:
    store.add_reconciled(conn, found.day, now, found.uses, len(found.unexplained), len(found.unjournalled))
    metrics.UNEXPLAINED.set(len(found.unexplained))
    facts = {"uses": str(found.uses), "unexplained": str(len(found.unexplained))}
    facts |= {
        f"unexplained{number}": f"{use.label} {use.use} {use.digest.hex()}"
        for number, use in enumerate(found.unexplained[:_SHOWN], 1)
    }
    act = Act(at=now, actor="process:worker", verb="keys.reconcile", object=str(found.day), facts=facts)
    activity.record(conn, act)


def reconcile_days(conn: Connection, journals: Path, books: OtherBooks, *, now: datetime) -> list[Reconciled]:
    """Reconcile each whole day that has not been, yesterday at the latest; the first time only yesterday."""
    yesterday = now.date() - _ONE_DAY
    newest = store.newest_reconciled(conn)
    day = yesterday if newest is None else newest + _ONE_DAY
    done = []
    while day <= yesterday:
        done.append(reconcile(conn, journals, day, books, now=now))
        conn.commit()
        day += _ONE_DAY
    return done


def retire_keys(conn: Connection, now: datetime) -> int:
    """Retire what is due."""
    return operations.retire_due(conn, now)
