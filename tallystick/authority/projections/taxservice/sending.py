"""Sends what is due: noted first, then sent, then what the service said. Several at once, and never more than allowed.

Documents leave in the order of the ledger, and a document that has to wait keeps no other one: each says itself where
it belongs (its number, its place in the device's and the taxpayer's sequence), so the service can put them in order and
see what lacks, and one that is refused does not stop a taxpayer's later ones.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import attrs

from tallystick.authority.projections.taxservice import metrics, store
from tallystick.authority.projections.taxservice.breaker import TRIES_MOST, Breaker, Chance, pause_after
from tallystick.authority.projections.taxservice.kinds import kind_of
from tallystick.authority.projections.taxservice.sealed import document_to_send
from tallystick.authority.projections.taxservice.tally import Tally
from tallystick.authority.projections.taxservice.values import (
    Accepted,
    Claimed,
    Outcome,
    Outgoing,
    Rejected,
    State,
    Trouble,
    Unsendable,
)
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import Clock
from tallystick.wire.tax_service import TaxDocument

log = logging.getLogger(__name__)

_GRACE = timedelta(seconds=10)
_AHEAD = 4
"""So many times what may be under way is noted at once, so that no thread waits for the next note."""
_TOGETHER_SECONDS = 0.02
"""So long answers are waited for that can be written down together with the first."""


class TaxService(Protocol):
    """The way to the service. The same document may be told twice and means the same."""

    def tell(self, document: TaxDocument) -> Accepted | Rejected | Trouble:
        """Hand one document over; may be called by several threads. Raises nothing that the service can cause."""

    def close(self) -> None:
        """Nothing is told any more, and no thread is at it."""

    @property
    def longest(self) -> timedelta:
        """After which time no call can still be under way."""


Answered = tuple[Claimed, Outcome, datetime]


@attrs.define(slots=True)
class Sender:
    """Sends for one process. ``stopping`` ends a round early; what is under way is waited for."""

    service: TaxService
    zone: ZoneInfo
    clock: Clock
    in_flight: int
    chance: Chance = random.random
    stopping: Callable[[], bool] = lambda: False
    _pool: ThreadPoolExecutor = attrs.field(init=False)

    @_pool.default
    def _make_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.in_flight, thread_name_prefix="tax-service")

    def close(self) -> None:
        """End the threads, and the way."""
        self._pool.shutdown(cancel_futures=True)
        self.service.close()

    def round(self, conn: Connection, lasting: timedelta) -> int:
        """Send what is due, for about so long; how many documents were answered or had trouble."""
        end, done = self.clock() + lasting, 0
        running: dict[Future[tuple[Outcome, datetime]], Claimed] = {}
        answers: list[Answered] = []
        while True:
            free = 0 if self.clock() >= end or self.stopping() else _AHEAD * self.in_flight - len(running)
            for outgoing in self._turn(conn, answers, free, len(running)):
                running[self._pool.submit(self._send, outgoing)] = outgoing.item
            done += len(answers)
            if not running:
                return done
            wait(running, return_when=FIRST_COMPLETED)
            finished, _ = wait(running, timeout=_TOGETHER_SECONDS)
            answers = [(running.pop(one), *one.result()) for one in finished]

    def _send(self, outgoing: Outgoing) -> tuple[Outcome, datetime]:
        """What became of it, and when."""
        if outgoing.document is None:
            return Unsendable(outgoing.wrong), self.clock()
        return self.service.tell(outgoing.document), self.clock()

    def _turn(self, conn: Connection, answers: Sequence[Answered], free: int, in_flight: int) -> list[Outgoing]:
        """Write down what was said and what will be sent now, in one transaction; only then is it sent."""
        now = self.clock()
        with conn.transaction():
            before = store.hold_standing(conn)
            figures = Tally(self.zone, now)
            after = self._write(conn, answers, before, figures)
            until = now + _AHEAD * self.service.longest + _GRACE
            allowed = after.allows(now, free, in_flight)
            claimed = store.claim(conn, now, until, allowed) if allowed else []
            for item in claimed:
                figures.moved(item.document_type, item.booked_at, item.before, State.SENT)
            outgoing = self._documents(conn, claimed)
            figures.put(conn)
            if after != before:
                store.put_standing(conn, after)
        conn.commit()
        _tell_change(before, after)
        return outgoing

    def _documents(self, conn: Connection, claimed: Sequence[Claimed]) -> list[Outgoing]:
        if not claimed:
            return []
        rows, size = store.documents(conn, [item.log_index for item in claimed]), store.acked_size(conn)
        return [document_to_send(conn, item, rows.get(item.log_index), size) for item in claimed]

    def _write(self, conn: Connection, answers: Sequence[Answered], breaker: Breaker, figures: Tally) -> Breaker:
        accepted = []
        for item, outcome, at in answers:
            metrics.count(outcome)
            match outcome:
                case Accepted():
                    accepted.append((item.log_index, at, outcome.again, outcome.receipt))
                    breaker = breaker.answered(at)
                case Rejected():
                    breaker = breaker.answered(at)
                    self._decide(conn, figures, item, State.REJECTED, at, code=outcome.code, reason=outcome.reason)
                case Unsendable():
                    self._decide(conn, figures, item, State.GIVEN_UP, at, code="TS-3210", reason=outcome.reason)
                case Trouble():
                    self._put_off(conn, figures, item, outcome, at, counts=not (breaker.is_open or outcome.is_later))
                    wait_for = timedelta(seconds=outcome.wait_seconds)
                    breaker = breaker.failed(at, outcome.reason, wait_for, self.chance)
        if accepted:
            for document_type, state, booked_at, at in store.accept(conn, accepted):
                figures.moved(document_type, booked_at, state, State.ACCEPTED)
                figures.accepted(booked_at, at)
        return breaker

    def _put_off(
        self, conn: Connection, figures: Tally, item: Claimed, trouble: Trouble, at: datetime, *, counts: bool
    ) -> None:
        """Only trouble that a document has alone counts against it, never that the service is away or busy."""
        tries = item.tries + counts
        if tries >= TRIES_MOST:
            self._decide(conn, figures, item, State.GIVEN_UP, at, tries=tries, code="TS-3211", reason=trouble.reason)
            return
        pause = max(timedelta(seconds=trouble.wait_seconds), pause_after(max(0, tries - 1), self.chance))
        state = State.RESENT if item.resends else State.WAITING
        self._decide(
            conn, figures, item, state, at, tries=tries, next_at=at + pause, code="TS-3211", reason=trouble.reason
        )

    def _decide(
        self,
        conn: Connection,
        figures: Tally,
        item: Claimed,
        state: State,
        at: datetime,
        *,
        tries: int | None = None,
        next_at: datetime | None = None,
        code: str,
        reason: str,
    ) -> None:
        tries = item.tries if tries is None else tries
        if store.decide(conn, item, state, at, tries=tries, next_at=next_at, code=code, reason=reason):
            figures.moved(item.document_type, item.booked_at, State.SENT, state)
            if state.is_dead:
                log.warning("a document for the tax service is %s: %s %s", state, code, reason, extra=_named(item))


def _named(item: Claimed) -> dict[str, object]:
    return {"entry": item.log_index, "type": kind_of(item.document_type).value}


def _tell_change(before: Breaker, after: Breaker) -> None:
    metrics.AWAY.set(after.is_open)
    if after.is_open and not before.is_open:
        log.warning("the tax service is away: %s", after.trouble)
    if before.is_open and not after.is_open:
        log.info("the tax service is back; it was away since %s", before.open_since)
