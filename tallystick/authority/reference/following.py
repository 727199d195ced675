"""Keeps views in memory in step with the database: a notification wakes, a poll repairs, the tables are the truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import psycopg
from psycopg import sql

from tallystick.authority.room_queries import Connection
from tallystick.kit.retry import backoff_seconds

_LOG = logging.getLogger(__name__)
_WAKE_SECONDS = 0.25


class View(Protocol):
    """Something in memory that follows tables."""

    @property
    def channel(self) -> str:
        """The notification channel of its tables."""

    def refresh(self, conn: Connection) -> None:
        """Agree with the database again."""


def refresh_all(conn: Connection, views: Sequence[View]) -> None:
    """Refresh every view once, for the start of a process."""
    for view in views:
        view.refresh(conn)


class Follower:
    """One thread with one connection that refreshes views when their channel speaks, and all of them every few seconds.

    ``connect`` opens a connection; the follower sets it to autocommit and opens another after a loss, with growing
    pauses. ``start`` comes back after the first refresh, so that nothing is served from an empty view.
    """

    def __init__(self, connect: Callable[[], Connection], views: Sequence[View], *, poll_seconds: float = 2.0) -> None:
        self._connect = connect
        self._views = views
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reference-follower", daemon=True)

    def start(self) -> None:
        """Refresh once, then follow. Raises ``psycopg.Error`` when the database cannot be read now."""
        with self._connect() as conn:
            refresh_all(conn, self._views)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pauses = backoff_seconds(first_seconds=0.1, most_seconds=5)
        while not self._stopping.is_set():
            try:
                with self._connect() as conn:
                    self._follow(conn)
            except psycopg.Error as error:
                _LOG.warning("following the reference tables is interrupted: %s", error)
                self._stopping.wait(next(pauses))

    def _follow(self, conn: psycopg.Connection[Any]) -> None:
        conn.autocommit = True
        for channel in sorted({view.channel for view in self._views}):
            conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        refresh_all(conn, self._views)
        quiet_seconds = 0.0
        while not self._stopping.is_set():
            called = {notice.channel for notice in conn.notifies(timeout=_WAKE_SECONDS, stop_after=1)}
            quiet_seconds += _WAKE_SECONDS
            if quiet_seconds >= self._poll_seconds:
                called = {view.channel for view in self._views}
                quiet_seconds = 0.0
            refresh_all(conn, [view for view in self._views if view.channel in called])
