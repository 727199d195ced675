"""Takes numbers: many acts, one transaction. An act is durable before its future is done, and so before it is signed.

One thread with one connection. While a commit runs, further wishes gather for the next one.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable

import psycopg

from tallystick.authority.channels.vsdc import metrics, store
from tallystick.authority.channels.vsdc.values import Taking
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

log = logging.getLogger(__name__)

BATCH_MOST = 256
_PATIENCE_SECONDS = 10.0
_Wish = tuple[Taking, "asyncio.Future[bool]"]


class Numbers:
    """``connect`` opens a connection of a role that may write this room's tables."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        self._connect = connect
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="vsdc-numbers", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._conn: Connection | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is queued; blocks for a moment."""
        self._wishes.put(None)
        if self._thread.is_alive():
            self._thread.join(15)

    async def take(self, taking: Taking) -> bool:
        """Whether the number is taken; false when the pair stands elsewhere or the request has a number already.

        Raises ``TS-5009`` when the database does not say: then the number may be taken or not, look again.
        """
        future: asyncio.Future[bool] = self._loop.create_future()
        self._wishes.put((taking, future))
        patience = self._loop.call_later(_PATIENCE_SECONDS, _give_up, future)
        try:
            return await future
        finally:
            patience.cancel()

    def _run(self) -> None:
        while (first := self._wishes.get()) is not None:
            batch = [first]
            ending = False
            while len(batch) < BATCH_MOST:
                try:
                    wish = self._wishes.get_nowait()
                except queue.Empty:
                    break
                if wish is None:
                    ending = True
                    break
                batch.append(wish)
            self._take(batch)
            if ending:
                break
        self._forget_connection()

    def _take(self, batch: list[_Wish]) -> None:
        firsts: dict[tuple[str, str, int], Taking] = {}
        for taking, _ in batch:
            firsts.setdefault(_key(taking), taking)  # of two wishes for one number only one can have it
        try:
            taken = self._commit(list(firsts.values()))
        except psycopg.errors.UniqueViolation:
            if len(batch) > 1:
                for wish in batch:  # one request id of two processes at once must not spoil the others
                    self._take([wish])
                return
            self._tell(batch, [False])
        except Exception as error:
            if not isinstance(error, psycopg.Error):
                log.exception("numbers could not be taken")
            self._forget_connection()
            self._tell(batch, Fault("TS-5009", detail="the database is away", retry_after_seconds=2))
        else:
            self._tell(batch, [taking is firsts[_key(taking)] and _key(taking) in taken for taking, _ in batch])

    def _commit(self, takings: list[Taking]) -> set[tuple[str, str, int]]:
        """One statement is one transaction: it comes back when the commit is durable, in one round trip."""
        if self._conn is None or self._conn.closed:
            self._conn = self._connect()
            self._conn.autocommit = True
            store.prepare_taking(self._conn)
        taken = store.take_numbers(self._conn, takings)
        metrics.BATCHES.inc()
        return taken

    def _tell(self, batch: list[_Wish], outcome: list[bool] | Fault) -> None:
        def settle() -> None:
            for place, (_, future) in enumerate(batch):
                if future.done():
                    continue
                if isinstance(outcome, Fault):
                    future.set_exception(Fault(outcome.code, detail=outcome.detail, retry_after_seconds=2))
                else:
                    future.set_result(outcome[place])

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)

    def _forget_connection(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()


def _give_up(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_exception(Fault("TS-5009", detail="the database does not answer", retry_after_seconds=5))


def _key(taking: Taking) -> tuple[str, str, int]:
    return taking.requested_by, taking.signed_by, taking.total_counter
