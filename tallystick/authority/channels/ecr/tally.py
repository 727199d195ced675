"""Calls and refusals of each device, counted in memory and added to its days every few seconds; builds it proved.

Whoever is not admitted has no name here and is not counted. A process that is killed loses the counts of its last
seconds, and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from enum import StrEnum

import attrs
import psycopg

from tallystick.authority.channels.ecr import store
from tallystick.authority.reference.builds import operations as builds
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import Clock

_LOG = logging.getLogger(__name__)
FLUSH_SECONDS = 5.0
KEPT_MOST = 100_000
"""How many days of devices, and codes of days, wait in memory while the database is away; more are not counted."""
_ROWS_AT_ONCE = 1_000


@attrs.define(slots=True)
class _Count:
    """How often, from when to when."""

    times: int
    first_at: datetime
    last_at: datetime

    def once_more(self, at: datetime) -> None:
        """Once more, then."""
        self.times += 1
        if at > self.last_at:
            self.last_at = at
        elif at < self.first_at:
            self.first_at = at

    def add(self, other: _Count) -> None:
        self.times += other.times
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)


class _What(StrEnum):
    BUILD = "build"
    CALL = "call"
    REFUSAL = "refusal"


_Key = tuple[_What, str, date, str]
"""What was counted, of which device and day, and the code or build."""


class Tally:
    """What one process counted since it last wrote it down. Calls may come from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[_Key, _Count] = {}

    def called(self, uid: str) -> None:
        """A call of an admitted device."""
        self._count(_What.CALL, uid, "")

    def refused(self, uid: str, code: str) -> None:
        """A refusal that it got."""
        self._count(_What.REFUSAL, uid, code)

    def proved(self, uid: str, build: str) -> None:
        """A certified build whose document was booked."""
        self._count(_What.BUILD, uid, build)

    def write_down(self, connect: Callable[[], AbstractContextManager[Connection]]) -> int:
        """Add what was counted to the days; returns how many rows. What cannot be written down waits for the next time.

        All processes take rows in one order, so that none waits for another in a ring.
        """
        with self._lock:
            waiting, self._counts = self._counts, {}
        keys, written = sorted(waiting), 0
        try:
            while part := keys[written : written + _ROWS_AT_ONCE]:
                with connect() as conn:
                    _write(conn, {key: waiting[key] for key in part})
                written += len(part)
        finally:
            for key in keys[written:]:
                self._merge(key, waiting[key])
        return written

    def _count(self, what: _What, uid: str, name: str) -> None:
        now = self._clock()
        key = (what, uid, now.date(), name)
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                known.once_more(now)
                return
        self._merge(key, _Count(1, now, now))

    def _merge(self, key: _Key, count: _Count) -> None:
        with self._lock:
            known = self._counts.get(key)
            if known is not None:
                known.add(count)
            elif len(self._counts) < KEPT_MOST:
                self._counts[key] = count


def _write(conn: Connection, part: dict[_Key, _Count]) -> None:
    """Counts in the order of their keys. Every device calls, so calls and builds go in one statement each."""
    calls: list[store.Calls] = []
    proved: dict[tuple[str, str], datetime] = {}  # the days of one build stand in their order: the last one stays
    for (what, uid, day, name), count in part.items():
        match what:
            case _What.CALL:
                calls.append(store.Calls(uid, day, count.times, count.first_at, count.last_at))
            case _What.REFUSAL:
                store.add_refusals(conn, uid, day, name, count.times, count.last_at)
            case _What.BUILD:
                proved[uid, name] = count.last_at
    if proved:
        builds.prove_all(conn, [(uid, build, at) for (uid, build), at in sorted(proved.items())])
    if calls:
        store.add_calls(conn, calls)


class TallyKeeper:
    """A thread that writes a tally down, and once more at the end."""

    def __init__(self, tally: Tally, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._tally, self._connect = tally, connect
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ecr-tally", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with everything written down."""
        self._stopping.set()
        self._thread.join(15)

    def _run(self) -> None:
        while not self._stopping.wait(FLUSH_SECONDS):
            self._write()
        self._write()

    def _write(self) -> None:
        try:
            self._tally.write_down(self._connect)
        except psycopg.Error as error:
            _LOG.warning("calls of devices are not written down yet: %s", error)
