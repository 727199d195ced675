"""What the authority holds of a card, from the ledger's heads and holes and the quarantine; nothing is scanned."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Protocol

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import store
from tallystick.authority.projections.audit.values import AuditFacts, AuditRequest, Ranges
from tallystick.authority.reference.room_queries import Connection
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import from_unix_ms

RANGES_MOST = 10_000


class KeptApart(Protocol):
    """What is neither booked nor missing: the intake's quarantine and evidence."""

    def ordinals(self, conn: Connection, signed_by: str, first: int, last: int) -> Set[int]:
        """Ordinals with an entry of kind 04 or 05."""

    def turnover(self, conn: Connection, signed_by: str, first: int, last: int) -> int:
        """What the quarantined ones add to the card's unaudited sum."""


def missing(conn: Connection, apart: KeptApart, uid: str, up_to: int) -> Ranges:
    """Ordinals from 1 that have neither a document nor a quarantine or evidence entry (I-10)."""
    holes = ledger.missing_ordinals(conn, (uid, uid), up_to, RANGES_MOST)
    if not holes:
        return ()
    kept = apart.ordinals(conn, uid, holes[0][0], holes[-1][1])
    return tuple(without(holes, kept))


def without(ranges: Iterable[tuple[int, int]], numbers: Iterable[int]) -> Iterable[tuple[int, int]]:
    """The ranges with some numbers taken out."""
    taken = sorted(numbers)
    for first, last in ranges:
        start = first
        for number in taken:
            if not start <= number <= last:
                continue
            if start < number:
                yield start, number - 1
            start = number + 1
        if start <= last:
            yield start, last


def facts(conn: Connection, apart: KeptApart, request: AuditRequest) -> AuditFacts:
    """Everything that a decision about a request rests on."""
    uid, last = request.uid, request.total_counter
    first = request.proven_counter + 1
    newest = store.last_arrival(conn, uid, first, last)

    def held() -> Money:
        return Money(store.turnover(conn, uid, first, last) + apart.turnover(conn, uid, first, last))

    return AuditFacts(
        request,
        missing(conn, apart, uid, last),
        from_unix_ms(newest[1]) if newest and newest[1] is not None else None,
        newest is None or newest[0] < ledger.acked_size(conn),
        held,
    )
