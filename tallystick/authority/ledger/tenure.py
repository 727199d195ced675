"""One tenure of the lease: from the take-over to the loss of it, of the database, or of the process.

Steps of a batch, each a fault point: ``order`` (against the heads in memory, which are ours as long as the lease is),
``lease``, ``rows``, ``tree``, ``mirror``, ``commit``, ``signature``, ``answer``. A crash before ``commit`` leaves
nothing, one after it leaves documents that their senders repeat and get answered.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger import metrics, recovery
from tallystick.authority.ledger.booking import Batch, Known, Outcome
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.ledger.gate import Gate
from tallystick.authority.ledger.mirror import Mirror
from tallystick.authority.ledger.months import month_of
from tallystick.authority.ledger.protocol import write_booked, write_refusal
from tallystick.authority.ledger.queries import acked_size
from tallystick.authority.ledger.sequences import LedgerState, State
from tallystick.authority.ledger.store import WriterConnection, candidates, load_tree_state
from tallystick.authority.ledger.writer_settings import Deliver, Ticket, Work, WriterSettings
from tallystick.kernel.instants import unix_ms
from tallystick.wire.signed_note import Checkpoint, SignedNote, sign_note, write_note

logger = logging.getLogger(__name__)

CLOCK_STEP_BACK_MS_MAX = 2_000


class Planned(NamedTuple):
    """A batch with its places and answers, on its way to the disk; ``started`` is of a monotonic clock, seconds."""

    work: Work
    batch: Batch
    outcomes: Sequence[Outcome]
    started: float


class ClockBehind(Exception):
    """Our clock shows a time before that of the newest batch."""


@attrs.define(eq=False)
class Tenure:
    """Connection, mirror and heads of the sequencer in charge. Not for two threads."""

    settings: WriterSettings
    connection: WriterConnection
    mirror: Mirror
    ledger: LedgerState
    epoch: int
    gate: Gate
    deliver: Deliver
    unstored: list[tuple[int, bytes]] = attrs.Factory(list)
    _months: set[int] = attrs.Factory(set)

    @classmethod
    def begin(
        cls, settings: WriterSettings, connection: WriterConnection, gate: Gate, deliver: Deliver
    ) -> Tenure | None:
        """The start of the recovery table, up to the barrier; None while another sequencer lives.

        Raises ``psycopg.Error`` (not now), ``ClockBehind``, ``SelfCheckFailed`` and ``OSError`` (the mirror's).
        """
        if connection.in_recovery():
            raise psycopg.OperationalError("the database server is a standby or still recovering")
        if not connection.try_lock():
            return None
        newest, now_ms = load_tree_state(connection.raw), unix_ms(settings.clock())
        if newest.closed_at_ms > now_ms + CLOCK_STEP_BACK_MS_MAX:
            raise ClockBehind(f"{newest.closed_at_ms - now_ms} ms behind the newest batch")
        epoch = connection.raise_epoch(settings.holder, now_ms)
        ledger = recovery.load_ledger(connection.raw)
        if settings.published_checkpoint is not None:
            recovery.check_published(connection.raw, ledger, settings.published_checkpoint)
        recovery.reconcile_mirror(connection.raw, ledger, settings.mirror_folder)
        gate.close()
        tenure = cls(settings, connection, Mirror(settings.mirror_folder), ledger, epoch, gate, deliver)
        try:
            tenure._open(now_ms)
        except BaseException:
            tenure.mirror.close()
            raise
        metrics.TAKEOVERS.inc()
        return tenure

    def _open(self, now_ms: int) -> None:
        """Partitions, the signed head that a crash may have lost (signatures are deterministic), and the barrier."""
        self._ensure_months({month_of(now_ms), month_of(now_ms) + 1})
        size = self.ledger.size
        if acked_size(self.connection.raw) < size:
            self.unstored.append((size, self._note(size)))
        self._raise_barrier(now_ms)

    def end(self) -> None:
        """Let go of the connection, and with it of the lock, and of the mirror."""
        self.connection.close()
        self.mirror.close()

    def _raise_barrier(self, now_ms: int) -> None:
        """Book an entry of kind 06: with its commit all that stands before it in the log is confirmed, too."""
        members = {"epoch": str(self.epoch), "size": str(self.ledger.size), "time": str(now_ms)}
        entry = NewEntry(
            kind=EntryKind.BARRIER,
            channel=Channel.NONE,
            body=msgspec.json.encode(members),
            media_type="application/json",
            received_at_ms=now_ms,
        )
        batch = Batch(self.ledger, {}, self.settings.random_bytes)
        batch.add(entry)
        self._commit(batch)
        self._sign(self.ledger.size)

    def store_checkpoint(self) -> None:
        """Store the newest signed head now, since no batch comes to take it along."""
        for size, note in self.unstored[-1:]:
            self.connection.store_checkpoint(size, note, self.epoch)
        self.unstored.clear()

    def book(self, work: Work) -> None:
        """Book the entries together; when the database refuses one of them, in halves, until it stands alone."""
        if not work:
            return
        planned = self.plan(work, self.ledger)
        try:
            self.carry_out(planned)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            self.isolate(planned.work, error)

    def plan(self, work: Work, state: State) -> Planned:
        """Give the entries their places behind ``state``. Asks the database only about what may be booked already."""
        planned = self.plan_unasked(work, state)
        if planned is not None:
            return planned
        documents, events = candidates(state, (entry for _, entry in work))
        return self._plan(work, state, self.connection.find_known(documents, events))

    def plan_unasked(self, work: Work, state: State) -> Planned | None:
        """The same without the database, which may be busy; none for events, and numbers that may be booked already."""
        self.settings.at("order")
        documents, events = candidates(state, (entry for _, entry in work))
        return None if documents or events else self._plan(work, state, {})

    def carry_out(self, planned: Planned) -> None:
        """Commit a plan, sign the tree, answer; raises ``psycopg.Error`` with nothing answered."""
        batch = planned.batch
        if batch.count:
            self._commit(batch)
        self._sign(self.ledger.size)
        if batch.count:
            seconds = time.monotonic() - planned.started
            metrics.batch_booked(batch.count, seconds, self.ledger.size, self.gate.acked_size)
        self.settings.at("answer")
        pairs = zip(planned.work, planned.outcomes, strict=True)
        self.deliver([(ticket, self._answer(outcome)) for (ticket, _), outcome in pairs])

    def isolate(self, work: Work, error: psycopg.Error) -> None:
        """The server forgets the batch, and so does the mirror; then each half is tried alone."""
        self.connection.rollback()
        self.mirror.rewind()
        if len(work) == 1:
            logger.error("the database refuses an entry: %r", error)
            self._refuse(work[0][0])
            return
        middle = len(work) // 2
        self.book(work[:middle])
        self.book(work[middle:])

    def _refuse(self, ticket: Ticket) -> None:
        metrics.REFUSALS.labels(code="TS-5099").inc()
        self.deliver([(ticket, write_refusal("TS-5099", "the entry cannot be booked"))])

    def _plan(self, work: Work, state: State, known: Known) -> Planned:
        """The batch of all entries that can be planned; one that raises is answered TS-5099 and left out."""
        started = time.monotonic()
        while True:
            batch = Batch(state, known, self.settings.random_bytes)
            outcomes: list[Outcome] = []
            try:
                for _, entry in work:
                    outcomes.append(batch.add(entry))
            except Exception:  # our own bug must cost one document, not its neighbours
                poisoned = len(outcomes)
                logger.exception("an entry that cannot be planned")
                self._refuse(work[poisoned][0])
                work = [*work[:poisoned], *work[poisoned + 1 :]]
                continue
            return Planned(work, batch, outcomes, started)

    def _commit(self, batch: Batch) -> None:
        connection, at = self.connection, self.settings.at
        self._ensure_months(batch.months)
        at("lease")
        connection.hold_lease(self.epoch)
        at("rows")
        connection.copy_rows(batch)
        at("tree")
        connection.close_batch(batch, self.epoch, unix_ms(self.settings.clock()), self.unstored)
        at("mirror")
        self.mirror.append(batch.number, batch.first_index, batch.count, (*batch.beginnings, *batch.frames))
        at("commit")
        connection.commit()
        self.mirror.confirm()
        batch.settle(self.ledger)
        self.unstored.clear()
        self.gate.mirrored = self.gate.replicated = self.ledger.size

    def _sign(self, size: int) -> None:
        """Sign the tree of exactly this size, after its commit and never before."""
        if self.gate.signed == size:
            return
        self.settings.at("signature")
        note = self._note(size)
        self.mirror.seal(note)
        self.unstored.append((size, note))
        self.gate.signed = size

    def _note(self, size: int) -> bytes:
        text = Checkpoint(self.settings.origin, size, self.ledger.tree.frontier.root()).text
        return write_note(SignedNote(text, tuple(sign_note(text, key, sign) for key, sign in self.settings.signers())))

    def _answer(self, outcome: Outcome) -> bytes:
        if outcome.log_index >= 0 and not self.gate.covers(outcome.log_index):
            return write_refusal("TS-5003", "the second copy is not confirmed", 1)
        if outcome.fault:
            metrics.REFUSALS.labels(code=outcome.fault).inc()
            return write_refusal(outcome.fault, outcome.detail, expected=outcome.expected)
        return write_booked(
            Booked(
                index=outcome.log_index,
                verdict=outcome.verdict,
                duplicate=outcome.duplicate,
                body_hash=outcome.body_hash,
                tree_size=self.gate.acked_size,
            )
        )

    def _ensure_months(self, months: set[int]) -> None:
        if missing := months - self._months:
            self.connection.ensure_months(missing)
            self._months |= missing
