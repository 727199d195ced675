"""Counts what becomes of documents, by type and state, minute and day, in the transaction that moves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs

from tallystick.authority.projections.taxservice.store import SQL
from tallystick.authority.projections.taxservice.values import DayFigures, State
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import EPOCH

MINUTES_COUNTED = timedelta(hours=24)
"""Documents older than this change no minute any more; the minutes themselves go an hour later."""
_MINUTE = timedelta(minutes=1)
_MINUTES_KEPT = MINUTES_COUNTED + timedelta(hours=1)


def minute_of(moment: datetime) -> int:
    """Minutes since 1970."""
    return (moment - EPOCH) // _MINUTE


@attrs.define(slots=True)
class Tally:
    """What one transaction changes in the figures; ``put`` writes it last, so that rows are held only shortly."""

    zone: ZoneInfo
    now: datetime
    _totals: Counter[tuple[int, str]] = attrs.field(factory=Counter, init=False)
    _minutes: Counter[tuple[int, int, str]] = attrs.field(factory=Counter, init=False)
    _days: dict[date, Counter[str]] = attrs.field(factory=dict, init=False)

    def entered(self, document_type: int, booked_at: datetime, state: State) -> None:
        """A document came into the queue, in that state."""
        self._day(self.local_day(booked_at))["operations"] += 1
        self._count(document_type, booked_at, state, 1)

    def moved(self, document_type: int, booked_at: datetime, before: State, after: State) -> None:
        """It left a state for another."""
        if before is not after:
            self._count(document_type, booked_at, before, -1)
            self._count(document_type, booked_at, after, 1)

    def accepted(self, booked_at: datetime, accepted_at: datetime) -> None:
        """The service's word came then."""
        day = self._day(self.local_day(booked_at))
        day["accepted"] += 1
        day["accepted_ms"] += max(accepted_at - booked_at, timedelta(0)) // timedelta(milliseconds=1)

    def first_seen(self, what: str, days: Iterable[date]) -> None:
        """``registers`` or ``points`` that were not seen on these days before."""
        for day in days:
            self._day(day)[what] += 1

    def local_day(self, moment: datetime) -> date:
        """The day by the authority's own time."""
        return moment.astimezone(self.zone).date()

    def _day(self, day: date) -> Counter[str]:
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = Counter()
        return found

    def _count(self, document_type: int, booked_at: datetime, state: State, by: int) -> None:
        self._totals[document_type, state.value] += by
        if self.now - booked_at < MINUTES_COUNTED:
            self._minutes[minute_of(booked_at), document_type, state.value] += by

    def put(self, conn: Connection) -> None:
        """Write it, always in the same order of tables and rows."""
        totals = [(*key, by) for key, by in self._totals.items() if by]
        if totals:
            types, states, items = (list(column) for column in zip(*totals, strict=True))
            SQL.run(conn, "add_totals", types=types, states=states, items=items)
        minutes = [(*key, by) for key, by in self._minutes.items() if by]
        if minutes:
            at, types, states, items = (list(column) for column in zip(*minutes, strict=True))
            SQL.run(conn, "add_minutes", minutes=at, types=types, states=states, items=items)
        if self._days:
            counted = list(self._days.values())
            SQL.run(
                conn,
                "add_days",
                days=list(self._days),
                **{
                    name: [one[name] for one in counted]
                    for name in ("operations", "registers", "points", "accepted", "accepted_ms")
                },
            )


def drop_minutes(conn: Connection, now: datetime) -> int:
    """Let go of minutes that nobody asks for any more."""
    return SQL.run(conn, "drop_minutes", before=minute_of(now - _MINUTES_KEPT))


def see_registers(conn: Connection, seen: Iterable[tuple[date, str]]) -> list[date]:
    """Registers that sold on a day; gives the day for each that had not been seen on it."""
    rows = sorted(set(seen))
    days, registers = [day for day, _ in rows], [register for _, register in rows]
    return [row[0] for row in SQL.rows(conn, "see_registers", days=days, registers=registers)]


def see_points(conn: Connection, seen: Iterable[tuple[date, str, str]]) -> list[date]:
    """Points (taxpayer and premises) where documents were made on a day; gives the day for each new one."""
    rows = sorted(set(seen))
    days, tins, premises = ([row[place] for row in rows] for place in range(3))
    return [row[0] for row in SQL.rows(conn, "see_points", days=days, tins=tins, premises=premises)]


def totals(conn: Connection) -> list[tuple[int, State, int]]:
    """Documents by type of the ledger and state."""
    return [(kind, State(state), items) for kind, state, items in SQL.rows(conn, "totals")]


def totals_since(conn: Connection, minute: int) -> list[tuple[int, State, int]]:
    """The same of documents booked in or after a minute of the last day."""
    return [(kind, State(state), items) for kind, state, items in SQL.rows(conn, "minutes_since", minute=minute)]


def days(conn: Connection, first: date, last: date) -> dict[date, DayFigures]:
    """The days from ``first`` to ``last`` on which there was anything."""
    rows = SQL.rows(conn, "days", first=first, last=last)
    return {
        day: DayFigures(
            day=day,
            operations=operations,
            registers=registers,
            points=points,
            accepted=accepted,
            accepted_ms=accepted_ms,
        )
        for day, operations, registers, points, accepted, accepted_ms in rows
    }
