"""Views follow their tables within a moment, through notifications, and come back after the database was away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from tallystick.authority.reference.commands import operations
from tallystick.authority.reference.commands.outstanding import Outstanding
from tallystick.authority.reference.following import Follower
from tallystick.wire.taxcore_api import CommandType

UID = "ABCD1234"


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, "it did not happen"
        time.sleep(0.005)


def test_a_view_hears_of_a_change_at_once(database: str) -> None:
    view = Outstanding()
    follower = Follower(lambda: psycopg.connect(database), [view], poll_seconds=60)
    follower.start()
    try:
        time.sleep(0.3)
        with psycopg.connect(database) as conn:
            operations.queue(conn, UID, CommandType.SET_TIME_SERVER_URL, "x")
        until(lambda: view.mark(UID) is not None)  # the poll is a minute away
    finally:
        follower.stop()


def test_a_poll_repairs_what_a_notification_did_not_say(database: str) -> None:
    view = Outstanding()
    follower = Follower(lambda: psycopg.connect(database), [view], poll_seconds=0.5)
    follower.start()
    try:
        with psycopg.connect(database) as conn:
            conn.execute("ALTER TABLE commands.command DISABLE TRIGGER announce")
            operations.queue(conn, UID, CommandType.SET_TIME_SERVER_URL, "x")
        until(lambda: view.mark(UID) is not None)
    finally:
        follower.stop()


def test_a_lost_connection_is_opened_again(database: str) -> None:
    view = Outstanding()
    opened: list[psycopg.Connection[Any]] = []

    def connect() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(database))
        return opened[-1]

    follower = Follower(connect, [view], poll_seconds=60)
    follower.start()
    try:
        until(lambda: len(opened) == 2)
        with psycopg.connect(database, autocommit=True) as administrator:
            administrator.execute("SELECT pg_terminate_backend(%s)", [opened[1].info.backend_pid])
        until(lambda: len(opened) == 3)
        with psycopg.connect(database) as conn:
            operations.queue(conn, UID, CommandType.SET_TIME_SERVER_URL, "x")
        until(lambda: view.mark(UID) is not None)
    finally:
        follower.stop()


def test_nothing_is_served_from_an_empty_view(database: str) -> None:
    with psycopg.connect(database) as conn:
        operations.queue(conn, UID, CommandType.SET_TIME_SERVER_URL, "x")
    view = Outstanding()
    follower = Follower(lambda: psycopg.connect(database), [view])
    follower.start()
    try:
        assert view.mark(UID) is not None
    finally:
        follower.stop()
