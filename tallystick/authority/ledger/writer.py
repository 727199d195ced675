"""The one writer: a thread that takes documents from the queue and books them, batch by batch.

Steps of a batch, each a fault point: ``order`` (against the heads in memory, which are ours as long as the lease is),
``lease``, ``rows``, ``tree``, ``mirror``, ``commit``, ``signature``, ``answer``. A crash before ``commit`` leaves
nothing, one after it leaves documents that their senders repeat and get answered.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger import recovery
from tallystick.authority.ledger.booking import Batch, Outcome, RandomBytes, month_of
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.ledger.gate import Gate
from tallystick.authority.ledger.mirror import Mirror
from tallystick.authority.ledger.pace import Pace
from tallystick.authority.ledger.protocol import SequencerStatus, decode_entry, write_booked, write_refusal
from tallystick.authority.ledger.queries import acked_size
from tallystick.authority.ledger.sequences import LedgerState
from tallystick.authority.ledger.store import LeaseLost, NotConfirmed, WriterConnection, candidates, load_tree_state
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.wire.signed_note import Checkpoint, NoteKey, Sign, SignedNote, sign_note, write_note

logger = logging.getLogger(__name__)

CLOCK_STEP_BACK_MS_MAX = 2_000
CRASH_EXIT_STATUS = 70
_IDLE_SECONDS = 1.0
_STORE_CHECKPOINT_AFTER_SECONDS = 0.005
_RETRY_SECONDS = 0.2
_FATAL = (psycopg.errors.DiskFull, psycopg.errors.IoError)

FaultPoint = Callable[[str], None]
"""Called with a step's name before the step; a test kills or delays there."""


class State(StrEnum):
    """What the sequencer is doing; only ``SERVING`` takes documents."""

    STARTING = "starting"
    STANDBY = "standby"
    SERVING = "serving"
    AWAY = "away"
    CLOCK = "clock"
    HALTED = "halted"
    FENCED = "fenced"
    STOPPED = "stopped"


REFUSALS = {
    State.STARTING: ("TS-5007", "the sequencer is starting", 1),
    State.STANDBY: ("TS-5007", "another sequencer is in charge", 1),
    State.AWAY: ("TS-5003", "the database cannot be reached", 2),
    State.CLOCK: ("TS-5006", "the clock is behind the ledger", 30),
    State.HALTED: ("TS-5008", "the ledger's self-check failed", 300),
    State.FENCED: ("TS-5007", "another sequencer has taken over", 1),
    State.STOPPED: ("TS-5007", "the sequencer is stopping", 1),
}
"""What a document is told in each state but ``SERVING``: code, detail, seconds to wait."""


class Ticket:
    """One request on its way through the writer; ``reply_to`` belongs to whoever put it in."""

    __slots__ = ("payload", "reply_to")

    def __init__(self, payload: bytes, reply_to: Any = None) -> None:
        self.payload = payload
        self.reply_to = reply_to


Deliver = Callable[[Sequence[tuple[Ticket, bytes]]], None]
Work = list[tuple[Ticket, NewEntry]]


def crash(error: BaseException) -> NoReturn:
    """End the process at once: after a failed write or flush nothing that it believes about the disk is true."""
    logger.critical("the ledger cannot be written: %r; this process ends", error)
    logging.shutdown()
    os._exit(CRASH_EXIT_STATUS)


class ClockBehind(Exception):
    """Our clock shows a time before that of the newest batch."""


@attrs.frozen(kw_only=True)
class WriterSettings:
    """What a writer needs. ``published_checkpoint`` is the file that the exporter writes last, if there is one."""

    dsn: str
    mirror_folder: Path
    origin: str
    key: NoteKey
    sign: Sign
    clock: Clock
    holder: str = attrs.field(factory=lambda: f"pid {os.getpid()}")
    published_checkpoint: Path | None = None
    random_bytes: RandomBytes = os.urandom
    at: FaultPoint = lambda step: None
    crash: Callable[[BaseException], NoReturn] = crash


class Writer:
    """Owns the lease, the connection, the mirror and the heads. ``run`` is the body of its thread."""

    def __init__(self, settings: WriterSettings, deliver: Deliver) -> None:
        self.settings = settings
        self.gate = Gate()
        self.state = State.STARTING
        self.reason = ""
        self.epoch = 0
        self.queued_bytes = 0
        self._deliver = deliver
        self._queue: deque[Ticket] = deque()
        self._bell = threading.Event()
        self._asleep = False
        self._stopping = False
        self._pace = Pace()
        self._ledger = LedgerState()
        self._connection: WriterConnection | None = None
        self._mirror: Mirror | None = None
        self._unstored: list[tuple[int, bytes]] = []
        self._months: set[int] = set()

    # --- the other threads' side -------------------------------------------------------------------------------

    def put(self, ticket: Ticket) -> None:
        """Queue a request; its answer comes through ``deliver``. Bounds are the caller's to check."""
        self._queue.append(ticket)
        self.queued_bytes += len(ticket.payload)
        if self._asleep:
            self._bell.set()

    @property
    def queued(self) -> int:
        """Requests that no batch has taken yet."""
        return len(self._queue)

    @property
    def status(self) -> SequencerStatus:
        """How the writer stands."""
        return SequencerStatus(
            state=self.state,
            epoch=self.epoch,
            size=self._ledger.size,
            acked_size=self.gate.acked_size,
            queued=self.queued,
            reason=self.reason,
        )

    def stop(self) -> None:
        """Ask the thread to end after the batch in work."""
        self._stopping = True
        self._bell.set()

    # --- the thread --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take over, serve, and come back after each loss of the database, until stopped, fenced or halted."""
        try:
            while not self._stopping and self._turn():
                pass
            if self._stopping:
                self._leave(State.STOPPED, "")
        finally:
            self._let_go()

    def _turn(self) -> bool:
        """Take over and serve once; False when this process must not go on."""
        try:
            if self._take_over():
                self._serve()
                return True
        except (*_FATAL, OSError) as error:
            self.settings.crash(error)
        except (psycopg.OperationalError, psycopg.InterfaceError, NotConfirmed) as error:
            self._leave(State.AWAY, str(error).strip())
        except ClockBehind as error:
            self._leave(State.CLOCK, str(error))
        except LeaseLost as error:
            self._leave(State.FENCED, str(error))
            return False
        except recovery.SelfCheckFailed as error:
            self._leave(State.HALTED, str(error))
            return False
        except Exception as error:
            logger.exception("sequencer failed; starting over")
            self._leave(State.AWAY, repr(error))
        if not self._stopping:
            time.sleep(_RETRY_SECONDS)
        return True

    def _leave(self, state: State, reason: str) -> None:
        """Stop serving: nothing counts as confirmed any more, and whoever waits is told so."""
        if state is State.HALTED:
            logger.critical("TS-5008 intake halts: %s", reason)
        elif state not in (self.state, State.STOPPED):
            logger.warning("sequencer %s: %s", state, reason)
        self.state, self.reason = state, reason
        self.gate.close()
        self._let_go()
        self._refuse_queue()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._mirror is not None:
            self._mirror.close()
            self._mirror = None

    def _refuse_queue(self) -> None:
        code, detail, seconds = REFUSALS[self.state]
        refusal = write_refusal(code, detail, seconds)
        answers = []
        while self._queue:
            answers.append((self._next_ticket(), refusal))
        if answers:
            self._deliver(answers)

    def _take_over(self) -> bool:
        """The start of the recovery table; False while another sequencer lives. Raises what ``run`` translates."""
        settings = self.settings
        connection = self._connection = WriterConnection(settings.dsn)
        if connection.in_recovery():
            raise psycopg.OperationalError("the database server is a standby or still recovering")
        if not connection.try_lock():
            self._leave(State.STANDBY, "another sequencer is in charge")
            return False
        newest = load_tree_state(connection.raw)
        now_ms = unix_ms(settings.clock())
        if newest.closed_at_ms > now_ms + CLOCK_STEP_BACK_MS_MAX:
            raise ClockBehind(f"{newest.closed_at_ms - now_ms} ms behind the newest batch")
        self.epoch = connection.raise_epoch(settings.holder, now_ms)
        self._ledger = recovery.load_ledger(connection.raw)
        if settings.published_checkpoint is not None:
            recovery.check_published(connection.raw, self._ledger, settings.published_checkpoint)
        recovery.reconcile_mirror(connection.raw, self._ledger, settings.mirror_folder)
        self._mirror = Mirror(settings.mirror_folder)
        self._unstored = self._lost_checkpoint()
        self._months = set()
        self._ensure_months({month_of(now_ms), month_of(now_ms) + 1})
        self._raise_barrier()
        return True

    def _lost_checkpoint(self) -> list[tuple[int, bytes]]:
        """The signed head of the newest batch, if a crash came before it was stored: signatures are deterministic."""
        assert self._connection is not None
        size = self._ledger.size
        if size == 0 or acked_size(self._connection.raw) >= size:
            return []
        return [(size, self._note(size))]

    def _raise_barrier(self) -> None:
        """Book an entry of kind 06: with its commit all that stands before it in the log is confirmed, too."""
        now_ms = unix_ms(self.settings.clock())
        members = {"epoch": str(self.epoch), "size": str(self._ledger.size), "time": str(now_ms)}
        entry = NewEntry(
            kind=EntryKind.BARRIER,
            channel=Channel.NONE,
            body=msgspec.json.encode(members),
            media_type="application/json",
            received_at_ms=now_ms,
        )
        batch = Batch(self._ledger, {}, self.settings.random_bytes)
        batch.add(entry)
        self._commit(batch)
        self._sign(self._ledger.size)

    def _serve(self) -> None:
        self.state, self.reason = State.SERVING, ""
        logger.info("sequencer serves with epoch %d at size %d", self.epoch, self._ledger.size)
        while not self._stopping:
            if not self._queue:
                self._sleep()
                continue
            self._gather()
            tickets = self._take()
            self._pace.closed(len(tickets), time.monotonic())
            try:
                self._book(self._decode(tickets))
            except BaseException:
                # Whatever it was, these documents are not answered as booked; their senders repeat the same bytes.
                self._answer_all(tickets, write_refusal("TS-5003", "the commit is in doubt", 1))
                raise
        self._store_checkpoints()

    def _sleep(self) -> None:
        """Wait for a document; when none comes at once, use the pause to store the newest checkpoint."""
        self._asleep = True
        if not self._queue and not self._stopping:
            self._bell.wait(_STORE_CHECKPOINT_AFTER_SECONDS if self._unstored else _IDLE_SECONDS)
        self._asleep = False
        self._bell.clear()
        if not self._queue:
            self._store_checkpoints()

    def _store_checkpoints(self) -> None:
        assert self._connection is not None
        for size, note in self._unstored[-1:]:
            self._connection.store_checkpoint(size, note, self.epoch)
        self._unstored.clear()

    def _gather(self) -> None:
        """Let the open batch wait for company, if that has paid lately."""
        wait = self._pace.wait_seconds()
        if not wait:
            return
        deadline, before = time.monotonic() + wait, len(self._queue)
        seen = before
        while not self._full() and time.monotonic() < deadline and not self._stopping:
            time.sleep(self._pace.quiet_seconds)
            if len(self._queue) == seen:
                break
            seen = len(self._queue)
        self._pace.waited(seen - before)

    def _full(self) -> bool:
        return len(self._queue) >= LIMITS.sequencer_batch_documents or self.queued_bytes >= LIMITS.sequencer_batch_bytes

    def _take(self) -> list[Ticket]:
        tickets: list[Ticket] = []
        size = 0
        while self._queue and len(tickets) < LIMITS.sequencer_batch_documents:
            size += len(self._queue[0].payload)
            if tickets and size > LIMITS.sequencer_batch_bytes:
                break
            tickets.append(self._next_ticket())
        return tickets

    def _next_ticket(self) -> Ticket:
        ticket = self._queue.popleft()
        self.queued_bytes -= len(ticket.payload)
        return ticket

    def _decode(self, tickets: Sequence[Ticket]) -> Work:
        work: Work = []
        for ticket in tickets:
            try:
                work.append((ticket, decode_entry(memoryview(ticket.payload)[1:])))
            except msgspec.DecodeError as error:
                logger.error("an entry that cannot be read: %s", error)
                self._answer_all([ticket], write_refusal("TS-5099", "the entry cannot be read"))
        return work

    def _answer_all(self, tickets: Sequence[Ticket], answer: bytes) -> None:
        if tickets:
            self._deliver([(ticket, answer) for ticket in tickets])

    # --- one batch ---------------------------------------------------------------------------------------------

    def _book(self, work: Work) -> None:
        """Book the entries together; when the database refuses one of them, in halves, until it stands alone."""
        if not work:
            return
        self.settings.at("order")
        planned, batch, outcomes = self._plan(work)
        try:
            if batch.count:
                self._commit(batch)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except psycopg.Error as error:
            self._undo()
            if len(planned) == 1:
                logger.error("the database refuses an entry: %r", error)
                self._answer_all([planned[0][0]], write_refusal("TS-5099", "the entry cannot be booked"))
                return
            middle = len(planned) // 2
            self._book(planned[:middle])
            self._book(planned[middle:])
            return
        self._sign(self._ledger.size)
        self.settings.at("answer")
        self._deliver([(ticket, self._answer(outcome)) for (ticket, _), outcome in zip(planned, outcomes, strict=True)])

    def _plan(self, work: Work) -> tuple[Work, Batch, list[Outcome]]:
        """The batch of all entries that can be planned; one that raises is answered TS-5099 and left out."""
        assert self._connection is not None
        documents, events = candidates(self._ledger, [entry for _, entry in work])
        known = self._connection.find_known(documents, events) if documents or events else {}
        while True:
            batch = Batch(self._ledger, known, self.settings.random_bytes)
            outcomes: list[Outcome] = []
            try:
                for _, entry in work:
                    outcomes.append(batch.add(entry))
            except Exception as error:  # our own bug must cost one document, not its neighbours
                poisoned = len(outcomes)
                logger.exception("an entry that cannot be planned", exc_info=error)
                self._answer_all([work[poisoned][0]], write_refusal("TS-5099", "the entry cannot be booked"))
                work = [*work[:poisoned], *work[poisoned + 1 :]]
                continue
            return work, batch, outcomes

    def _commit(self, batch: Batch) -> None:
        connection, mirror, at = self._connection, self._mirror, self.settings.at
        assert connection is not None
        assert mirror is not None
        self._ensure_months(batch.months)
        at("lease")
        connection.hold_lease(self.epoch)
        at("rows")
        connection.copy_rows(batch)
        at("tree")
        connection.close_batch(batch, self.epoch, unix_ms(self.settings.clock()), self._unstored)
        at("mirror")
        mirror.append(self._ledger.batch + 1, self._ledger.size, batch.count, batch.frames)
        at("commit")
        connection.commit()
        mirror.confirm()
        batch.settle()
        self._unstored.clear()
        self.gate.mirrored = self._ledger.size
        self.gate.replicated = self._ledger.size

    def _undo(self) -> None:
        """After a refused transaction: the server forgets it, and so does the mirror."""
        assert self._connection is not None
        assert self._mirror is not None
        self._connection.rollback()
        self._mirror.rewind()

    def _sign(self, size: int) -> None:
        """Sign the tree of exactly this size, after its commit and never before."""
        if self.gate.signed == size:
            return
        assert self._mirror is not None
        self.settings.at("signature")
        note = self._note(size)
        self._mirror.seal(note)
        self._unstored.append((size, note))
        self.gate.signed = size

    def _note(self, size: int) -> bytes:
        text = Checkpoint(self.settings.origin, size, self._ledger.tree.frontier.root()).text
        return write_note(SignedNote(text, (sign_note(text, self.settings.key, self.settings.sign),)))

    def _answer(self, outcome: Outcome) -> bytes:
        if outcome.log_index >= 0 and not self.gate.covers(outcome.log_index):
            return write_refusal("TS-5003", "the second copy is not confirmed", 1)
        if outcome.fault:
            return write_refusal(outcome.fault, outcome.detail)
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
        missing = months - self._months
        if missing:
            assert self._connection is not None
            self._connection.ensure_months(missing)
            self._months |= missing
