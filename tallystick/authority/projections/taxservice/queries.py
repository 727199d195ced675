"""What may be asked about the queue: figures of the nation, dead letters, and a device's own documents.

Figures come from counts that are kept while documents move (`tally`): no question reads the ledger or the queue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import attrs

from tallystick.authority.projections.taxservice import store, tally
from tallystick.authority.projections.taxservice.breaker import Breaker
from tallystick.authority.projections.taxservice.kinds import DocumentKind, kind_of
from tallystick.authority.projections.taxservice.values import DayFigures, DeadLetter, OwnDocument, State, TypeFigures
from tallystick.authority.room_queries import Connection
from tallystick.kernel.fixed_point import round_half_up
from tallystick.kernel.instants import EPOCH

DAYS_SHOWN = 7
OWN_MOST = 1_000
_SIX_HOURS = timedelta(hours=6)


class Span(StrEnum):
    """Over which documents is counted (S1-037)."""

    ALL = "all"
    SIX_HOURS = "six-hours"


@attrs.frozen(slots=True)
class TypesFigures:
    """Documents by type, and by state within a type; ``since`` when the span begins, on the minute."""

    span: Span
    since: datetime | None
    types: Sequence[TypeFigures]

    @property
    def states(self) -> Counter[State]:
        """All types together."""
        return sum((Counter(one.states) for one in self.types), Counter[State]())


@attrs.frozen(slots=True)
class QueueStanding:
    """The queue at a glance. ``behind`` are entries of the ledger that the fold has not looked at yet, and
    ``next_booked_at`` when the document was booked that is sent next.
    """

    behind: int
    next_booked_at: datetime | None
    breaker: Breaker


def types(conn: Connection, span: Span, now: datetime) -> TypesFigures:
    """Documents by type and state (S1-036), over all or over those booked in the past six hours (S1-037).

    Six hours begin with a whole minute; ``since`` says with which.
    """
    since = None
    if span is Span.ALL:
        rows = tally.totals(conn)
    else:
        minute = tally.minute_of(now - _SIX_HOURS)
        since, rows = EPOCH + timedelta(minutes=minute), tally.totals_since(conn, minute)
    counted: dict[DocumentKind, Counter[State]] = {}
    for document_type, state, items in rows:
        counted.setdefault(kind_of(document_type), Counter())[state] += items
    return TypesFigures(span, since, [TypeFigures(kind, counted[kind]) for kind in DocumentKind if kind in counted])


def days(conn: Connection, now: datetime, zone: ZoneInfo) -> list[DayFigures]:
    """Today and the six days before it, by the authority's own time; a day without anything is all zeros.

    What the graphs of S1-038 to S1-041 are drawn from.
    """
    today = now.astimezone(zone).date()
    wanted = [today - timedelta(days=ago) for ago in reversed(range(DAYS_SHOWN))]
    found = tally.days(conn, wanted[0], today)
    return [found.get(day) or DayFigures(day=day) for day in wanted]


def average(total: int, count: int, places: int = 0) -> int | None:
    """``total / count`` in units of ``10 ** -places``, rounded to the nearest; none of nothing."""
    return round_half_up(total * 10**places, count) if count else None


def standing(conn: Connection) -> QueueStanding:
    """How the queue stands, and how the service does."""
    behind = max(0, store.acked_size(conn) - store.position(conn))
    return QueueStanding(behind, store.next_booked_at(conn), store.standing(conn))


def dead_letters(
    conn: Connection, *, kind: DocumentKind | None = None, after: int = -1, limit: int = 100
) -> list[DeadLetter]:
    """Documents that wait for a person, behind an entry, in the order of the ledger."""
    return store.dead(conn, kind=kind, after=after, limit=limit)


def own_documents(conn: Connection, device: tuple[str, str], *, after: int = 0, limit: int = 100) -> list[OwnDocument]:
    """How a device's documents stand (S1-016): those behind a number of its sequence, at most a thousand.

    ``device`` is (requestedBy, signedBy), ``after`` the ``sequence`` of the last one that the asker knows. Who asks for
    which device is the channel's matter. A document that is still on its way is asked for again by its number.
    """
    return store.own_since(conn, device, after, min(limit, OWN_MOST))


def own_document(conn: Connection, device: tuple[str, str], ordinal: int) -> OwnDocument | None:
    """How the document of a number stands (S1-016); none where the ledger does not have it."""
    return store.own_by_number(conn, device, ordinal)
