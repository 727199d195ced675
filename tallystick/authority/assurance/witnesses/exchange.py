"""Checkpoints in passing: what a serving process hands out beside its answers, and what comes back to be compared.

A thread of its own asks for the newest head once a second and compares what was brought; callers never wait. What was
handed out here is known and costs a look-up; a bounded rest is compared, and what is too much is dropped, for a
contradiction that exists once is brought again.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg

from tallystick.authority.assurance.witnesses import queries
from tallystick.authority.assurance.witnesses.sightings import LogIdentity, Sighting, compare
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.checkpoint_header import read_checkpoint_header, write_checkpoint_header

log = logging.getLogger(__name__)

_ROUND_SECONDS = 1.0
_KNOWN_MOST = 1_024
_WAITING_MOST = 256


class CheckpointExchange:
    """The newest head, what devices bring back, and the gate that a policy of witnesses may close."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        identity: LogIdentity,
        clock: Callable[[], datetime],
        stop_after: timedelta | None = None,
    ) -> None:
        self._connect = connect
        self._identity = identity
        self._clock = clock
        self._stop_after = stop_after
        self._newest = ""
        self._closed: Fault | None = None
        self._known: OrderedDict[str, None] = OrderedDict()
        self._waiting: deque[tuple[str, str]] = deque()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round in work."""
        self._stopped.set()
        self._thread.join(10)

    @property
    def newest(self) -> str:
        """The newest head as a header's value; empty while there is none."""
        return self._newest

    def check_open(self) -> None:
        """The gate: raises ``TS-5010`` while the quorum of witnesses is missing for longer than the policy bears."""
        if self._closed is not None:
            raise Fault(self._closed.code, detail=self._closed.detail, retry_after_seconds=30)

    def bring(self, value: str, reported_by: str) -> None:
        """Take what somebody was shown before; it is compared later."""
        if value in self._known or len(self._waiting) >= _WAITING_MOST:
            return
        self._waiting.append((value, reported_by))

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._connect() as conn:
                    while not self._stopped.wait(_ROUND_SECONDS):
                        self.round(conn)
            except (psycopg.Error, OSError) as error:
                log.warning("checkpoints are not compared: %s", error)
                self._stopped.wait(_ROUND_SECONDS)
            except Exception:
                log.exception("checkpoints are not compared")
                self._stopped.wait(_ROUND_SECONDS)

    def round(self, conn: Connection) -> None:
        """One look: the newest head, the gate, and what was brought."""
        note = ledger.newest_checkpoint(conn)
        if note:
            self._newest = write_checkpoint_header(note)
            self._know(self._newest)
        try:
            queries.check_not_too_late(conn, self._stop_after, self._clock())
            self._closed = None
        except Fault as fault:
            self._closed = fault
        conn.commit()
        for _ in range(len(self._waiting)):
            self._compare(conn, *self._waiting.popleft())

    def _compare(self, conn: Connection, value: str, reported_by: str) -> None:
        if value in self._known:
            return
        try:
            note, _ = read_checkpoint_header(value)
            sighting = compare(conn, note, self._identity, reported_by, self._clock())
        except Fault:
            sighting = Sighting.NOT_OURS
        conn.commit()
        if sighting is Sighting.AGREES:
            self._know(value)

    def _know(self, value: str) -> None:
        self._known[value] = None
        self._known.move_to_end(value)
        while len(self._known) > _KNOWN_MOST:
            self._known.popitem(last=False)
