"""Where approved overrides of a card stand: what they excuse, what has come after all, what is presumed of the rest.

An override counts in the sums of the audits that follow the same proof as the one it was asked for. Its presumption
ends when everything that it excused has come: from then on the documents speak for themselves.
"""

from __future__ import annotations

import attrs

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import override_store, store
from tallystick.authority.projections.audit.kept import KeptApart
from tallystick.authority.projections.audit.override_store import Override
from tallystick.authority.projections.audit.values import AuditRequest, Ranges, UsedOverride
from tallystick.authority.room_queries import Connection
from tallystick.kernel.fixed_point import Money
from tallystick.wire.ordinal_ranges import count, minus, within, without

_HOLES_MOST = 10_000
_NOTHING = Money(0)


@attrs.frozen(slots=True)
class Standing:
    """An override now. ``lacking`` is what has not come, ``arrived`` the turnover of what has, ``rest`` what of the
    presumption is left; a rest although nothing lacks is a contradiction (TS-1405)."""

    override: Override
    lacking: Ranges
    arrived: Money

    @property
    def rest(self) -> Money:
        """What is presumed above what has arrived."""
        return self.override.presumed - self.arrived

    @property
    def counts(self) -> bool:
        """Whether a proof still rests on it: documents lack, or it was about the sum alone."""
        return bool(self.lacking) or not self.override.excused

    @property
    def contradicts(self) -> bool:
        """Everything came, and adds up to something else than was presumed."""
        return not self.counts and self.rest != _NOTHING

    @property
    def arrived_count(self) -> int:
        """How many excused documents have come after all."""
        return count(self.override.excused) - count(self.lacking)


def excused(conn: Connection, uid: str) -> Ranges:
    """Every ordinal that two officers have excused for a card."""
    return tuple(pair for one in override_store.approved(conn, uid) for pair in one.excused)


def stand(conn: Connection, apart: KeptApart, override: Override) -> Standing:
    """Look an override's ordinals up in ledger and quarantine."""
    ranges = override.excused
    if not ranges:
        return Standing(override, (), _NOTHING)
    uid, last = override.uid, ranges[-1][1]
    holes = within(ledger.missing_ordinals(conn, (uid, uid), last, _HOLES_MOST), ranges[0][0], last)
    kept = apart.ordinals(conn, uid, ranges[0][0], last)
    lacking = minus(ranges, minus(ranges, tuple(without(holes, kept))))
    arrived = store.turnover_of(conn, uid, minus(ranges, lacking))
    arrived += sum(apart.turnover(conn, uid, number, number) for number in kept if within(ranges, number, number))
    return Standing(override, lacking, Money(arrived))


def turnover(conn: Connection, apart: KeptApart, uid: str, first: int, last: int) -> Money:
    """What a card's documents from one ordinal to another add to its unaudited sum, quarantined ones included."""
    return Money(store.turnover(conn, uid, first, last) + apart.turnover(conn, uid, first, last))


def outstanding(conn: Connection, apart: KeptApart, request: AuditRequest) -> Money:
    """What earlier overrides presume of documents that a request covers and that lack still."""
    found = used(conn, apart, request)
    return found.presumed if found else _NOTHING


def used(conn: Connection, apart: KeptApart, request: AuditRequest) -> UsedOverride | None:
    """The officers' word on which a proof of this request would rest; none when documents alone carry it."""
    approved = [one for one in override_store.approved(conn, request.uid) if one.covers(request)]
    standings = [one for one in (stand(conn, apart, override) for override in approved) if one.counts]
    if not standings:
        return None
    newest = standings[-1].override
    assert newest.decided_by is not None
    assert newest.decided_at is not None
    return UsedOverride(
        asked_by=newest.asked_by,
        approved_by=newest.decided_by,
        reason=newest.reason,
        approved_at=newest.decided_at,
        excused=tuple(sorted(pair for one in standings for pair in one.lacking)),
        presumed=Money(sum(one.rest.scaled for one in standings)),
    )
