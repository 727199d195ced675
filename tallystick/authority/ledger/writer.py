"""The writer's thread: takes the lease, takes documents from the queue, and hands them to its tenure batch by batch."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from enum import StrEnum

import msgspec
import psycopg

from tallystick.authority.ledger.ahead import PLANNED_AHEAD_FROM, Ahead
from tallystick.authority.ledger.gate import Gate
from tallystick.authority.ledger.pace import Pace
from tallystick.authority.ledger.protocol import SequencerStatus, decode_entry, write_refusal
from tallystick.authority.ledger.recovery import SelfCheckFailed
from tallystick.authority.ledger.store import LeaseLost, NotConfirmed, WriterConnection
from tallystick.authority.ledger.tenure import ClockBehind, Tenure
from tallystick.authority.ledger.writer_settings import Deliver, Ticket, Work, WriterSettings
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 1.0
_STORE_CHECKPOINT_AFTER_SECONDS = 0.005
_RETRY_SECONDS = 0.2
_FATAL = (psycopg.errors.DiskFull, psycopg.errors.IoError, OSError)


class State(StrEnum):
    """What the sequencer is doing; only ``SERVING`` takes documents."""

    STARTING = "starting"
    STANDBY = "standby"
    SERVING = "serving"
    AWAY = "away"
    CLOCK = "clock"
    UNSIGNED = "unsigned"
    HALTED = "halted"
    FENCED = "fenced"
    STOPPED = "stopped"


REFUSALS = {
    State.STARTING: ("TS-5007", "the sequencer is starting", 1),
    State.STANDBY: ("TS-5007", "another sequencer is in charge", 1),
    State.AWAY: ("TS-5003", "the database cannot be reached", 2),
    State.CLOCK: ("TS-5006", "the clock is behind the ledger", 30),
    State.UNSIGNED: ("TS-5004", "the unit that signs the ledger's head is away", 2),
    State.HALTED: ("TS-5008", "the ledger's self-check failed", 300),
    State.FENCED: ("TS-5007", "another sequencer has taken over", 1),
    State.STOPPED: ("TS-5007", "the sequencer is stopping", 1),
}
"""What a document is told in each state but ``SERVING``: code, detail, seconds to wait."""


class Writer:
    """The queue, the state, and the thread's body ``run``. ``put``, ``status`` and ``stop`` are for other threads."""

    def __init__(self, settings: WriterSettings, deliver: Deliver) -> None:
        self.settings = settings
        self.gate = Gate()
        self.state = State.STARTING
        self.reason = ""
        self.epoch = 0
        self.size = 0
        self.queued_bytes = 0
        self._deliver = deliver
        self._queue: deque[Ticket] = deque()
        self._bell = threading.Event()
        self._asleep = False
        self._stopping = False
        self._pace = Pace()

    def put(self, ticket: Ticket) -> None:
        """Queue a request; its answer comes through ``deliver``. Bounds are the caller's to check."""
        self._queue.append(ticket)
        self.queued_bytes += len(ticket.payload)
        if self._asleep:
            self._bell.set()

    @property
    def status(self) -> SequencerStatus:
        """How the writer stands."""
        return SequencerStatus(
            state=self.state,
            epoch=self.epoch,
            size=self.size,
            acked_size=self.gate.acked_size,
            queued=len(self._queue),
            reason=self.reason,
        )

    def stop(self) -> None:
        """Ask the thread to end after the batch in work."""
        self._stopping = True
        self._bell.set()

    def run(self) -> None:
        """Take over, serve, and come back after each loss of the database, until stopped, fenced or halted."""
        while not self._stopping and self._turn():
            if not self._stopping:
                time.sleep(_RETRY_SECONDS)
        if self._stopping:
            self._leave(State.STOPPED, "")

    def _turn(self) -> bool:
        """One tenure, from attempt to end; False when this process must not go on."""
        tenure = connection = None
        try:
            self.settings.check_signing()
            connection = WriterConnection(self.settings.dsn)
            tenure = Tenure.begin(self.settings, connection, self.gate, self._deliver)
            if tenure is None:
                self._leave(State.STANDBY, "another sequencer is in charge")
            else:
                self._serve(tenure)
        except _FATAL as error:
            self.settings.crash(error)
        except (psycopg.OperationalError, psycopg.InterfaceError, NotConfirmed) as error:
            self._leave(State.AWAY, str(error).strip())
        except Fault as fault:
            self._leave(State.UNSIGNED if fault.code == "TS-5004" else State.AWAY, str(fault))
        except ClockBehind as error:
            self._leave(State.CLOCK, str(error))
        except LeaseLost as error:
            self._leave(State.FENCED, str(error))
        except SelfCheckFailed as error:
            self._leave(State.HALTED, str(error))
        except Exception as error:
            logger.exception("sequencer failed; starting over")
            self._leave(State.AWAY, repr(error))
        finally:
            if tenure is not None:
                tenure.end()
            elif connection is not None:
                connection.close()
        return self.state not in (State.FENCED, State.HALTED)

    def _leave(self, state: State, reason: str) -> None:
        """Stop serving: nothing counts as confirmed any more, and whoever waits is told so."""
        if state is State.HALTED:
            logger.critical("TS-5008 intake halts: %s", reason)
        elif state not in (self.state, State.STOPPED):
            logger.warning("sequencer %s: %s", state, reason)
        self.state, self.reason = state, reason
        self.gate.close()
        refusal = write_refusal(*REFUSALS[state])
        while self._queue:
            self._deliver([(self._next_ticket(), refusal)])

    def _serve(self, tenure: Tenure) -> None:
        self.state, self.reason, self.epoch, self.size = State.SERVING, "", tenure.epoch, tenure.ledger.size
        logger.info("sequencer serves with epoch %d at size %d", self.epoch, self.size)
        ahead = Ahead(tenure)
        tickets: list[Ticket] = []
        try:
            while not self._stopping:
                tickets = []
                if not self._queue or len(self._queue) < PLANNED_AHEAD_FROM:
                    ahead.land()  # a small batch is better gathered than planned ahead
                    self.size = tenure.ledger.size
                if not self._queue:
                    self._sleep(tenure)
                    continue
                self._gather()
                tickets = self._take()
                self._pace.closed(len(tickets), time.monotonic())
                ahead.book(self._decode(tickets), len(self._queue))
                self._pace.answered(time.monotonic())
                self.size = tenure.ledger.size
            tickets = []
            ahead.land()
        except BaseException as error:
            # Whatever it was, these documents are not answered as booked; their senders repeat the same bytes.
            refusal = write_refusal("TS-5003", "the commit is in doubt", 1)
            if isinstance(error, Fault) and error.code == "TS-5004":  # committed, and no head says so yet
                refusal = write_refusal(*REFUSALS[State.UNSIGNED])
            self._deliver([(ticket, refusal) for ticket in (*ahead.end(), *tickets)])
            raise
        ahead.end()
        tenure.store_checkpoint()

    def _sleep(self, tenure: Tenure) -> None:
        """Wait for a document; when none comes at once, use the pause to store the newest signed head."""
        self._asleep = True
        if not self._queue and not self._stopping:
            self._bell.wait(_STORE_CHECKPOINT_AFTER_SECONDS if tenure.unstored else _IDLE_SECONDS)
        self._asleep = False
        self._bell.clear()
        if not self._queue:
            tenure.store_checkpoint()

    def _gather(self) -> None:
        """Let the open batch wait for company, if that has paid lately."""
        wait = self._pace.wait_seconds()
        if not wait:
            return
        deadline, before = time.monotonic() + wait, len(self._queue)
        seen = before
        while not self._full() and (left := deadline - time.monotonic()) > 0 and not self._stopping:
            time.sleep(min(left, self._pace.quiet_seconds))
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
                self._deliver([(ticket, write_refusal("TS-5099", "the entry cannot be read"))])
        return work
