"""What became of a connection's documents, in the order of the ledger: a fold that is read, and kept nowhere.

Each event has its place: the index of the entry that it speaks of, and a rank where one entry says two things. The
ledger only grows behind its gate, so whoever reads on from a cursor reads each event once and leaves none out.

A connection reads of its own documents alone, not of its taxpayer's other devices: the key of one system, once stolen,
must not tell what a whole company sells.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tallystick.authority.channels.ecr.answers import Answers
from tallystick.authority.channels.ecr.ports import Queued, QueueStatus
from tallystick.authority.channels.erp import store
from tallystick.authority.ledger.queries import acked_size
from tallystick.authority.room_queries import Connection
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import EPOCH, unix_ms
from tallystick.wire.document_jws import write_time
from tallystick.wire.erp_api import Cursor, FeedEvent, FeedPage, TaxState, write_cursor

EVENTS_MOST = 500
EVENTS = 100
_CLAIMED_BEFORE = timedelta(minutes=15)
"""A refund is claimed before it is booked, by less than this."""


def read_on(
    conn: Connection,
    answers: Answers,
    uid: str,
    after: Cursor,
    limit: int,
    *,
    up_to: Cursor | None = None,
    queue: QueueStatus | None = None,
) -> FeedPage:
    """The next events behind a cursor, and where to read on. ``up_to`` ends a page that was read before.

    With a queue, documents say how they stand on their way to the tax service, as of now.
    """
    edge = acked_size(conn)
    own = store.own_documents(conn, uid, after.sequence, edge, limit)
    since = EPOCH if after.index < 0 else store.received_at(conn, after.index) - _CLAIMED_BEFORE
    taken = store.refunds(conn, uid, max(after.index, 0), edge, since, limit + 1)
    told = {} if queue is None or not own else _told(conn, queue, uid, own)
    found: list[tuple[int, int, int, FeedEvent]] = [
        (one.entry.index, 0, one.sequence, _document(answers, uid, one, told.get(one.sequence))) for one in own
    ]
    found += [(one.index, 1, 0, _refund(one)) for one in taken]
    events: list[FeedEvent] = []
    cursor = after
    for index, rank, sequence, event in sorted(found, key=lambda each: each[:2]):
        place = Cursor(index, rank, max(cursor.sequence, sequence))
        if (index, rank) <= (after.index, after.rank):
            continue
        if len(events) == limit or (up_to is not None and place > up_to):
            break
        events.append(event)
        cursor = place
    return FeedPage(events=tuple(events), next=write_cursor(cursor, uid))


def _told(conn: Connection, queue: QueueStatus, uid: str, own: list[store.OwnDocument]) -> dict[int, TaxState]:
    found = queue.own(conn, uid, after=own[0].sequence - 1, limit=len(own))
    return {one.sequence: _tax_state(one) for one in found}


def _tax_state(one: Queued) -> TaxState:
    at = "" if one.at is None else write_time(unix_ms(one.at))
    return TaxState(at=at, code=one.code, reason=one.reason, state=str(one.state))


def _document(answers: Answers, uid: str, one: store.OwnDocument, tax: TaxState | None) -> FeedEvent:
    entry = one.entry
    kind = "erased" if not entry.record else "flagged" if entry.facts.flags else "booked"
    return FeedEvent(
        answer=msgspec.Raw(answers.of_entry(entry) if entry.record else b""),
        at=write_time(one.received_ms),
        id=f"{entry.index}-0",
        index=str(entry.index),
        number=f"{uid}-{uid}-{one.sequence}",
        tax_service=tax,
        type=kind,
    )


def _refund(one: store.Refund) -> FeedEvent:
    return FeedEvent(
        amount=str(Money(one.amount)),
        at=write_time(one.received_ms),
        by=one.number,
        id=f"{one.index}-1",
        index=str(one.index),
        number=one.original,
        type="refunded",
    )
