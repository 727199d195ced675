"""Plans the next batch while the one before it is on its way to the disk: two cores work instead of one.

Only under load: a queue that holds less than half a batch is better left to gather. What is planned ahead stands on the
heads as the batch in flight will leave them; should that one fail, the plan is thrown away with it. Answers, order and
durability are those of one batch after the other, for batches are carried out one after the other.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import psycopg

from tallystick.authority.ledger.tenure import Planned, Tenure
from tallystick.authority.ledger.writer_settings import Ticket, Work
from tallystick.kernel.limits import LIMITS

PLANNED_AHEAD_FROM = LIMITS.sequencer_batch_documents // 2
"""Documents in the queue from which the next batch is planned while another is in flight."""


class Ahead:
    """At most one batch in flight, carried out by a thread of its own. Belongs to the writer's thread."""

    def __init__(self, tenure: Tenure) -> None:
        self._tenure = tenure
        self._thread = ThreadPoolExecutor(1, "ledger-disk")
        self._flying: tuple[Planned, Future[None]] | None = None

    def book(self, work: Work, queued: int) -> None:
        """Book the entries behind what is in flight; returns early, with them in flight, while much is queued.

        Raises what ``Tenure.carry_out`` raises for this batch or the one before; ``end`` tells who waits for both.
        """
        if not work:
            return
        planned = self._planned(work)
        if queued < PLANNED_AHEAD_FROM:
            self._carry_out(planned)
        else:
            self._flying = planned, self._thread.submit(self._tenure.carry_out, planned)

    def _planned(self, work: Work) -> Planned:
        """A plan on the heads as they are once nothing is in flight any more."""
        tenure = self._tenure
        if self._flying is not None:
            planned = tenure.plan_unasked(work, self._flying[0].batch.pending(tenure.ledger))
            if self.land() and planned is not None:
                return planned
        self.land()
        return tenure.plan(work, tenure.ledger)

    def land(self) -> bool:
        """Wait for what is in flight; false when its batch had to be taken apart, and no plan on it holds."""
        if self._flying is None:
            return True
        planned, future = self._flying
        try:
            future.result()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            self._tenure.isolate(planned.work, error)  # until it is through, `end` answers for all of them
            self._flying = None
            return False
        self._flying = None
        return True

    def _carry_out(self, planned: Planned) -> None:
        try:
            self._tenure.carry_out(planned)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            self._tenure.isolate(planned.work, error)

    def end(self) -> list[Ticket]:
        """Wait for the thread; the tickets of a batch in flight that was not answered."""
        self._thread.shutdown(wait=True)
        if self._flying is None:
            return []
        planned, future = self._flying
        self._flying = None
        failed = future.cancelled() or future.exception() is not None
        return [ticket for ticket, _ in planned.work] if failed else []
